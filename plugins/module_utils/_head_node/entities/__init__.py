# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What CMDaemon stores, field by field: how a user's value becomes the API's and back. No I/O."""
