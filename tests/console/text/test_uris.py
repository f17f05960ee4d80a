"""What goes back to the browser of an address that was typed: everything but its secrets."""

import pytest

from console.text.uris import address_without_password, without_password


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("mongodb://reader:hunter2@db.example.org/", "mongodb://reader@db.example.org/"),
        ("  MongoDB+SRV://reader:hunter2@db.example.org/", "  MongoDB+SRV://reader@db.example.org/"),
        ("mongodb://mail@example.org:hunter2@db.example.org/", "mongodb://mail@example.org@db.example.org/"),
        ("mongodb://reader:hun@ter/2?#@db.example.org/", "mongodb://reader@db.example.org/"),
        ("mongodb://reader:hunter2\n@db.example.org/", "mongodb://reader@db.example.org/"),
        ("mongodb://:hunter2@db.example.org/", "mongodb://@db.example.org/"),
        (
            "mongodb://db.example.org/?tlsCertificateKeyFilePassword=hunter2&tls=true",
            "mongodb://db.example.org/?tlsCertificateKeyFilePassword=&tls=true",
        ),
        (
            "mongodb://db.example.org/?authMechanismProperties=AWS_SESSION_TOKEN:hunter2",
            "mongodb://db.example.org/?authMechanismProperties=",
        ),
        # The last @ counts, so a little more than the password may go.
        ("mailtos://user:hunter2@example.org?to=team@example.org", "mailtos://user@example.org"),
    ],
)
def test_the_password_goes_and_the_rest_stays(typed: str, kept: str) -> None:
    assert without_password(typed) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "orders",
        "before: 10@home",
        "mongodb://db1.example.org:27017,db2.example.org:27017/?replicaSet=rs0",
        "mongodb://reader@db.example.org/shop",
        "mongodb://[::1]:27017/",
    ],
)
def test_a_text_without_a_password_stays_as_it_is(text: str) -> None:
    assert without_password(text) == text


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ('"mongodb://reader:hunter2@db/"', '"mongodb://reader@db/"'),
        ('mongosh "mongodb://reader:hunter2@db/"', 'mongosh "mongodb://reader@db/"'),
        ("URL=mongodb://reader:hunter2@db", "URL=mongodb://reader@db"),
        ("jdbc:mongodb://reader:hunter2@db", "jdbc:mongodb://reader@db"),
        ("mongodb:/reader:hunter2@db", "mongodb:/reader@db"),
        ("reader:hunter2@db:27017", "reader@db:27017"),
        ("reader:hun://ter2@db:27017", "reader@db:27017"),
        ("reader:hun@ter2@db", "reader@db"),
        ("db1:27017,db2:27017", "db1:27017,db2:27017"),
        ("mongodb://db1:27017/?tls=true", "mongodb://db1:27017/?tls=true"),
    ],
)
def test_the_password_goes_from_what_should_be_an_address(typed: str, kept: str) -> None:
    assert address_without_password(typed) == kept
