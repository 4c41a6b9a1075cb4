# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# Written by `make doc-fragments` from the fragment connection: change it there.
"""Options of the connection to a head node, for plugins, whose documentation declares the environment variables."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  head_node:
    description:
      - Host name or address of the BCM head node.
      - Of a pair of head nodes, both, or the address they share. Of several, the one that is active is used; when the
        other takes over, the calls go there. This costs two calls per task, and a login at each head node that is asked;
        one that does not answer costs O(connect_timeout) as well, in every task, so name it last.
      - Without it the environment variable E(BCM_HEAD_NODE) is used, in which several are separated by commas.
    type: list
    elements: str
    env:
      - name: BCM_HEAD_NODE
  port:
    description:
      - Port of CMDaemon.
      - Without it the environment variable E(BCM_PORT) is used.
    type: int
    default: 8081
    env:
      - name: BCM_PORT
  username:
    description:
      - User of the head node. Goes together with O(password).
      - Not needed with a client certificate.
      - Without it the environment variable E(BCM_USERNAME) is used.
    type: str
    env:
      - name: BCM_USERNAME
  password:
    description:
      - Password of O(username).
      - Without it the environment variable E(BCM_PASSWORD) is used.
    type: str
    env:
      - name: BCM_PASSWORD
  client_cert:
    description:
      - Path of a client certificate in PEM format. Its profile decides which calls are allowed.
      - On the head node that of the administrator is C(~/.cm/admin.pem).
      - Without it the environment variable E(BCM_CLIENT_CERT) is used.
    type: path
    env:
      - name: BCM_CLIENT_CERT
  client_key:
    description:
      - Path of the key of O(client_cert).
      - Without it the environment variable E(BCM_CLIENT_KEY) is used.
    type: path
    env:
      - name: BCM_CLIENT_KEY
  ca_path:
    description:
      - Path of the cluster's certificate authority in PEM format.
      - On the head node it is C(/cm/local/apps/cmd/etc/cacert.pem).
      - Without it the environment variable E(BCM_CA_PATH) is used.
    type: path
    env:
      - name: BCM_CA_PATH
  validate_certs:
    description:
      - Whether the certificate of the head node is checked.
      - Prefer O(ca_path), with O(tls_server_name) where the certificate carries another name, or O(tls_fingerprint),
        to switching this off.
      - Without it the environment variable E(BCM_VALIDATE_CERTS) is used.
    type: bool
    default: true
    env:
      - name: BCM_VALIDATE_CERTS
  tls_server_name:
    description:
      - Name that the certificate of the head node carries, where it is not O(head_node).
      - Without it the environment variable E(BCM_TLS_SERVER_NAME) is used.
    type: str
    env:
      - name: BCM_TLS_SERVER_NAME
  tls_fingerprint:
    description:
      - SHA-256 fingerprint of the head node's certificate, in hexadecimal.
      - Exactly this certificate is trusted then, whatever it says of names and issuers.
      - Without it the environment variable E(BCM_TLS_FINGERPRINT) is used.
    type: str
    env:
      - name: BCM_TLS_FINGERPRINT
  connect_timeout:
    description: How long to wait for a connection, in seconds.
    type: float
    default: 10
  read_timeout:
    description: How long to wait for an answer, in seconds.
    type: float
    default: 60
  debug_calls:
    description:
      - Whether one line is shown for each call to the head node, with its name, how it ended, how long it took, and how many
        bytes were sent and received. Arguments, contents and secrets are never in it.
      - Modules return the lines as C(debug_calls), the last 500 of them; what acts on the controller prints each line at once.
      - With C(-vvv) the lines are shown in any case.
      - Without it the environment variable E(BCM_DEBUG_CALLS) is used.
    type: bool
    default: false
    env:
      - name: BCM_DEBUG_CALLS
requirements:
  - httpx
"""
