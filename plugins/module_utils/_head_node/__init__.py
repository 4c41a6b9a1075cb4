# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""CMDaemon, the daemon on a BCM head node: transport, client, entities, plan, apply, provision, watch."""
