# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A node's BMC: the power protocol, and IPMI straight to it. The path through the head node is in _head_node."""
