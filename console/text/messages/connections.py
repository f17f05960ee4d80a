"""Messages about reaching existing deployments: connection strings, and why a connection fails."""

from django.utils.translation import gettext_lazy as _

TEXTS = {
    # Connection strings
    "deployment.scheme": _("A connection string begins with mongodb:// or mongodb+srv://."),
    "deployment.userinfo": _(
        "The user name and password in the connection string cannot be told apart from the rest. "
        "Remove them from the connection string and enter them in their own fields."
    ),
    "deployment.hosts_unreadable": _(
        "The hosts in the connection string cannot be read. Write them as name:port, separated by commas. "
        "If the string contains a password, enter it in its own field instead."
    ),
    "deployment.socket_refused": _("Unix sockets are not supported. Enter a host name and a port."),
    "deployment.srv_one_name": _("An address that begins with mongodb+srv:// has exactly one name and no port."),
    "deployment.one_member": _(
        "directConnection and loadBalanced need a single host and exclude each other; directConnection also excludes "
        "mongodb+srv://, and loadBalanced excludes replicaSet. Remove one of them from the connection string."
    ),
    "deployment.option_unknown": _(
        "The connection string has an option that the console does not know. Remove it. "
        "If the string contains a password, enter it in its own field instead."
    ),
    "deployment.option_refused": _("The option %(name)s is not supported. Remove it from the connection string."),
    "deployment.option_twice": _("The connection string has two different values for the option %(name)s."),
    "deployment.option_value": _("The value of the option %(name)s is not valid."),
    "deployment.timeout_out_of_range": _("The option %(name)s must be between 100 and 600000 milliseconds."),
    "deployment.file_refused": _(
        "The option %(name)s names a file, which the agent must not read. "
        "Remove it and paste the certificates into their own fields."
    ),
    "deployment.unverified_refused": _(
        "Remove the option %(name)s from the connection string. If certificates must not be verified, "
        "tick “Do not verify certificates” instead."
    ),
    "deployment.proxy_refused": _("Proxies are not supported. Remove the option %(name)s from the connection string."),
    "deployment.mechanism_refused": _(
        "Only the mechanisms SCRAM-SHA-256, SCRAM-SHA-1 and X.509 are supported: "
        "the agent does not sign in with the credentials of a cloud, Kerberos or LDAP."
    ),
    # Hosts
    "deployment.address_refused": _(
        "%(name)s has the address %(address)s, which belongs to no database: "
        "the console does not connect to link-local, multicast and unspecified addresses."
    ),
    "deployment.metadata_refused": _("The console does not connect to %(name)s, the metadata service of a cloud."),
    "deployment.name_unknown": _(
        "DNS has no address for %(name)s. Check the spelling, and the DNS of the agent's host."
    ),
    "deployment.srv_unknown": _(
        "DNS has no SRV records for %(name)s. Check the spelling, or begin the connection string with mongodb:// "
        "and list the members."
    ),
    "deployment.srv_elsewhere": _(
        "The SRV records of %(name)s name the host %(host)s, which is in another domain. No credentials are sent there."
    ),
    "deployment.srv_options": _(
        "The TXT record of %(name)s must be the only one, and may set authSource, replicaSet and loadBalanced only."
    ),
    # Connections
    "deployment.unreachable": _(
        "%(member)s could not be reached: %(why)s Check the address, the firewall and that the server is running."
    ),
    "deployment.slow": _("The server did not answer in time. It may be overloaded, or the network may drop packets."),
    "deployment.no_primary": _(
        "The replica set has no primary at the moment. Wait for an election, or choose to read from a secondary."
    ),
    "deployment.no_such_member": _("The deployment has no member to read from now (read preference: %(reads_from)s)."),
    "deployment.wrong_set": _(
        "The server belongs to another replica set, or to none. Correct replicaSet in the connection string, "
        "or remove it."
    ),
    "deployment.too_old": _("The server is older than MongoDB 5.0. Upgrade it before you back it up with the console."),
    "deployment.unusable": _("The connection cannot be made with these settings: %(why)s"),
    "deployment.failed": _("The deployment could not be used: %(why)s"),
    "deployment.not_primary": _("The server is no longer the primary. Try again when the election has ended."),
    "deployment.recovering": _("The server is starting, stopping or recovering. Try again later."),
    "deployment.cursor_gone": _(
        "The server lost the position of the read: it was restarted, or the read paused for too long. Try again."
    ),
    "deployment.snapshot_too_old": _(
        "The backup took longer than the server keeps the moment it reads at. Raise the server parameter "
        "minSnapshotHistoryWindowInSeconds above the duration of a backup, and try again."
    ),
    "deployment.transaction_ended": _(
        "The backup took longer than the server lets a transaction live. Raise the server parameter "
        "transactionLifetimeLimitSeconds above the duration of a backup, and try again."
    ),
    # Signing in
    "deployment.sign_in_rejected": _(
        "The server rejected the user %(user)s: the password is wrong, or the user is not defined in the "
        "authentication database %(source)s."
    ),
    "deployment.sign_in_needed": _("The server requires a user. Enter its name and password."),
    "deployment.mechanism_unavailable": _(
        "The server does not offer the mechanism %(mechanism)s to this user. Choose “Automatic” or another mechanism."
    ),
    "deployment.x509_rejected": _(
        "The server rejected the client certificate: %(why)s The user must be defined in $external with exactly the "
        "certificate's subject."
    ),
    "deployment.unauthorized": _("The user %(user)s lacks a privilege: %(why)s"),
    # TLS
    "deployment.no_tls": _("%(member)s does not serve TLS. Turn TLS off, or check the port."),
    "deployment.certificate_expired": _("The certificate of %(member)s has expired. Renew it on the server."),
    "deployment.certificate_not_yet_valid": _(
        "The certificate of %(member)s is not valid yet. Check the clocks of the server and of the agent's host."
    ),
    "deployment.certificate_other_name": _(
        "The certificate of %(member)s is for another host name. Use the name in the certificate, or have it reissued."
    ),
    "deployment.certificate_untrusted": _(
        "The certificate of %(member)s is not signed by an authority that is trusted here. "
        "Paste the certificate of its authority into the field for the CA."
    ),
    "deployment.handshake_ended": _(
        "%(member)s ended the connection during the TLS handshake. It may not serve TLS, require a client certificate, "
        "or not trust the one it got."
    ),
    "deployment.certificate_unreadable": _(
        "The CA or the client certificate cannot be read. Paste them in PEM format, the client certificate together "
        "with its private key, which must match and must not be encrypted."
    ),
}
