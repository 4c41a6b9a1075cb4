# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Where this collection meets Ansible: argument specs, and the one place that turns errors into failures."""
