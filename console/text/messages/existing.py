"""Messages about existing deployments as instances: their connection as people enter it, and refused actions."""

from django.utils.translation import gettext_lazy as _

TEXTS = {
    "deployment.no_restart": _(
        "This is an existing deployment. The console does not run its server, so it cannot restart it."
    ),
    "deployment.no_reset_password": _(
        "This is an existing deployment. The console does not manage its users; Edit Connection changes the password "
        "that the console signs in with."
    ),
    "deployment.no_original_on_cluster": _(
        "A backup cannot be restored over a sharded cluster. Restore it to a new instance, or load it with "
        "mongorestore."
    ),
    "deployment.only": _("This instance is not an existing deployment, so it has no connection to edit or test."),
    "deployment.one_moment_by_snapshot": _("All databases at one moment, by snapshot reads."),
    "deployment.one_moment_by_transaction": _("All databases at one moment, by one transaction."),
    "deployment.not_one_moment": _("Not of one moment: each collection is read at a moment of its own."),
    "deployment.no_moment": _(
        "No way to read all databases at one moment has been proved on this deployment. Let the test write to a "
        "scratch collection, or allow backups that are not of one moment; both are in Edit Connection."
    ),
    "deployment.address_not_plain": _(
        "The connection string has something in it that has a field of its own, such as the user."
    ),
    "deployment.password_missing": _("Fill in the password of this user."),
    "deployment.password_elsewhere": _(
        "Type the password again, because the hosts have changed: the console does not send a stored password to other "
        "hosts."
    ),
    "deployment.certificate_lost": _(
        "The client certificate of this deployment cannot be read any more, because the console's credential key has "
        "changed. Paste the certificate again."
    ),
    "deployment.certificate_expires_soon": _(
        "The certificate of this deployment, or the one that the agent shows to it, expires on %(moment)s. Renew it "
        "before then, or the agent can no longer connect."
    ),
    "deployment.certificate_has_expired": _(
        "The certificate of this deployment, or the one that the agent shows to it, expired on %(moment)s. Renew it, "
        "so that the agent can connect."
    ),
    "deployment.user_missing": _("Fill in the user of this password."),
    "deployment.tls_missing": _("Tick TLS, or leave out the certificates: they are used only with TLS."),
    "deployment.x509_tls": _("X.509 requires TLS. Tick TLS."),
    "deployment.x509_certificate": _("X.509 requires a client certificate with its private key."),
    "deployment.pem_unreadable": _(
        "This is not a certificate in PEM format, which begins with -----BEGIN CERTIFICATE-----."
    ),
    "deployment.pem_expired": _("The certificate expired on %(day)s."),
    "deployment.pem_too_early": _("The certificate is valid only from %(day)s."),
    "deployment.pem_key_among_authorities": _(
        "This field is for the certificates of authorities, which are not secret. Remove the private key."
    ),
    "deployment.pem_no_key": _("Add the private key in PEM format after the certificate, without a passphrase."),
    "deployment.pem_key_encrypted": _("The private key has a passphrase. Remove it, for example with openssl pkey."),
    "deployment.pem_other_key": _("The private key does not belong to the certificate."),
    "label.address": _("Connection String"),
    "label.user": _("User"),
    "label.database_password": _("Password"),
    "label.auth_source": _("Authentication Database"),
    "label.mechanism": _("Mechanism"),
    "label.tls": _("TLS"),
    "label.unverified": _("Do not verify certificates"),
    "label.ca": _("CA Certificate"),
    "label.certificate": _("Client Certificate and Key"),
    "label.reads_from": _("Read Preference"),
    "label.may_probe": _("Let the test write to a scratch collection"),
    "label.any_moment": _("Allow backups that are not of one moment"),
    "label.with_users": _("Include users and roles"),
    "label.value_old": _("the old one"),
    "label.value_new": _("a new one"),
}
