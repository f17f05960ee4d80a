"""Messages about reaching existing deployments: connection strings, and why a connection fails."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

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
    "deployment.announced_unreachable": _(
        "The deployment announces its member as %(member)s, and the agent cannot use that address. %(why)s "
        "Make the name known to the agent's host, or add directConnection=true to the connection string."
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
    "deployment.disk_full": _("The disk of a server of the deployment is full. Make room on it and try again."),
    "deployment.server_failed": _(
        "The database server failed: %(why)s Its log says why. If its disk is full, make room on it and try again."
    ),
    # What a test finds
    "deployment.version_too_old": _(
        "The server has version %(version)s. Backups need MongoDB 5.0 or newer. Upgrade the server first."
    ),
    "deployment.other_auth_source": _(
        "The server rejected the user %(user)s in the authentication database %(source)s, but accepts it in admin. "
        "Set the authentication database to admin."
    ),
    "deployment.tls_needed": _("%(member)s serves TLS only. Turn on TLS."),
    "deployment.found_server": _("Reached %(member)s: %(engine)s."),
    "deployment.found_sharded": _("The deployment is a sharded cluster."),
    "deployment.found_set": ngettext_lazy(
        "The deployment is the replica set %(name)s with %(count)d member.",
        "The deployment is the replica set %(name)s with %(count)d members.",
        "count",
    ),
    "deployment.found_standalone": _("The deployment is a single server."),
    "deployment.found_secondary": _(
        "%(member)s is not the primary. Backups can read from it, but nothing can be restored to it. "
        "Remove directConnection to reach the whole replica set."
    ),
    "deployment.found_member_down": _("The member %(member)s cannot be used now: %(why)s"),
    "deployment.found_unencrypted": _(
        "The connection is not encrypted: documents and backups can be read on the network. Turn on TLS if the server "
        "serves it."
    ),
    "deployment.found_unverified": _(
        "Certificates are not verified: another machine could pretend to be the server. Paste the certificate of the "
        "server's authority and verify certificates."
    ),
    "deployment.found_server_certificate_valid": _("TLS is on. The server's certificate is valid until %(date)s."),
    "deployment.found_server_certificate_expiring": _(
        "The server's certificate expires on %(date)s. Renew it before then, or backups will fail."
    ),
    "deployment.found_server_certificate_expired": _("The server's certificate expired on %(date)s. Renew it."),
    "deployment.found_client_certificate_valid": _("The client certificate is valid until %(date)s."),
    "deployment.found_client_certificate_expiring": _(
        "The client certificate expires on %(date)s. Replace it before then, or backups will fail."
    ),
    "deployment.found_client_certificate_expired": _("The client certificate expired on %(date)s. Replace it."),
    "deployment.found_no_user": _(
        "The server requires no user: everyone who can reach it can read and change its data."
    ),
    "deployment.found_backup_allowed": _("The user has all privileges that backups need."),
    "deployment.found_backup_missing": _(
        "The user lacks privileges that backups need: %(names)s. Grant it the role backup of the database admin, or "
        "readAnyDatabase on Atlas."
    ),
    "deployment.found_restore_missing": _(
        "The user lacks privileges that restoring to this deployment needs: %(names)s. "
        "Grant it the roles readWriteAnyDatabase and restore of the database admin, or readWriteAnyDatabase and "
        "dbAdminAnyDatabase on Atlas, before you restore."
    ),
    "deployment.found_size": _("The deployment has %(documents)s documents and uses %(size)s on disk."),
    "deployment.found_snapshot": _(
        "Backups show one moment, by snapshot reads. A backup must not take longer than the server keeps a moment: "
        "%(seconds)d seconds (minSnapshotHistoryWindowInSeconds)."
    ),
    "deployment.found_transaction": _(
        "Backups show one moment, by one transaction that reads one collection after another from the primary. "
        "A backup must not take longer than the server lets a transaction live: %(seconds)d seconds "
        "(transactionLifetimeLimitSeconds)."
    ),
    "deployment.found_no_way": _(
        "The server does not keep one moment while it is read, so a backup shows each collection at another moment."
    ),
    "deployment.found_not_probed": _(
        "It is not known whether backups can show one moment. To find out, allow the test to write to a scratch "
        "collection, and test again."
    ),
    "deployment.found_probe_unconfirmed": _(
        "It is not known whether backups can show one moment: the deployment did not confirm the test's writes in time."
        " Check that a majority of its members is running, and test again."
    ),
    "deployment.found_probe_failed": _(
        "It is not known whether backups can show one moment, because a write of the test failed: %(why)s Until a test "
        "proves it, backups are not of one moment, and need the permission for that in Edit Connection."
    ),
    "deployment.found_probe_unauthorized": _(
        "It is not known whether backups can show one moment: the user may not write to the database %(database)s. "
        "Grant it the role readWrite of that database, and test again."
    ),
}
