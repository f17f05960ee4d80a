"""What goes back to the browser of an address that was typed: everything but its secrets."""

from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        ('mongosh "mongodb://reader:hunter2@db/"', 'mongosh "mongodb://reader@db/"'),
        (
            "mongodb://db/?password=hunter2?&x=hunter3?y&token=?z=4;tls=true",
            "mongodb://db/?password=&x=hunter3?y&token=;tls=true",
        ),
        ("mongodb://db/?x=1?password=hunter2", "mongodb://db/?x=1?password="),
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
        ('"mongodb://reader:hunter2@db/"', "mongodb://reader@db/"),
        ('mongosh "mongodb://reader:hunter2@db/"', "mongodb://reader@db/"),
        ("URL=mongodb://reader:hunter2@db", "mongodb://reader@db"),
        ("mongosh mongodb://reader@db/shop -p hunter2", "mongodb://reader@db/shop"),
        ("mongosh mongodb://db/ -u reader -p hun@ter2", "mongodb://db@"),
        ("mongosh --host db -u reader -p hunter2", "mongosh"),
        ("jdbc:mongodb://reader:hunter2@db", "jdbc:mongodb://reader@db"),
        ("mongo://reader:hunter2@db", "mongo://reader@db"),
        ("mongodb:/reader:hunter2@db", "mongodb@db"),
        ("mongodb://reader:hunter2", "mongodb://reader"),
        ("mongodb://reader:123456", "mongodb://reader"),
        ("mongodb://reader:hunter2/shop?tls=true", "mongodb://reader"),
        ("reader:hunter2@db:27017", "reader@db:27017"),
        ("reader:/hunter2@db", "reader@db"),
        ("reader://hunter2@db", "reader@db"),
        ("mymongodb:/hunter2@db", "mymongodb@db"),
        (
            "mongodb://db/?tlsCertificateKeyFilePassword=hunter2&hunter3&tls=true",
            "mongodb://db/?tlsCertificateKeyFilePassword=&&tls=true",
        ),
        ("reader:hun://ter2@db:27017", "reader@db:27017"),
        ("reader:hun@ter2@db", "reader@db"),
        ("db1:27017,db2:27017", "db1:27017,db2:27017"),
        ("mongodb://db1:27017/?tls=true", "mongodb://db1:27017/?tls=true"),
        ("mongodb://db1:27017, db2/shop?replicaSet=rs0", "mongodb://db1:27017, db2/shop?replicaSet=rs0"),
        ("mongodb://[::1]:27017,[fe80::1]/", "mongodb://[::1]:27017,[fe80::1]/"),
        ("mail@example.org@db", "mail@example.org@db"),
    ],
)
def test_the_password_goes_from_what_should_be_an_address(typed: str, kept: str) -> None:
    assert address_without_password(typed) == kept


# What people type around a password, and passwords of characters that mean something in an address. X, Y and Z are in
# nothing else.
AROUND = (
    "mongodb://reader:%s@db1.example.org:27017,db2/shop?replicaSet=rs0",
    "mongodb+srv://reader:%s@db.example.org/",
    'mongosh "mongodb://reader:%s@db.example.org/" --quiet',
    "reader:%s@db:27017",
    "mongodb:/reader:%s@db",
    "mongdb://reader:%s@db",
    "mongosh -u reader -p %s --host db",
)
secrets = st.text("XYZ019/@:?#&;=%+,.-[]\"' \t\n\\", min_size=1, max_size=12)


@given(st.sampled_from(AROUND), secrets)
def test_no_character_of_any_password_stays(around: str, secret: str) -> None:
    assert not set("XYZ") & set(address_without_password(around % secret))


@given(st.sampled_from([each for each in AROUND if "://" in each]), secrets)
def test_nor_in_any_other_text_with_an_address(around: str, secret: str) -> None:
    assert not set("XYZ") & set(without_password(f"Use {around}" % secret))


@pytest.mark.parametrize(
    "piece", ["?", "://", "?a", "?a=", "password", "?password", "?password=", ":", "@", ",", " ,", "&a;"]
)
@pytest.mark.parametrize("scrub", [without_password, address_without_password])
def test_long_texts_do_not_keep_the_console_busy(piece: str, scrub: Callable[[str], str]) -> None:
    """Anybody can send one. If reading took more than proportional time, this would take hours."""
    for begin, end in product(["", "://", "mongodb://", "mongodb://db/?"], ["", "=", "@"]):
        scrub(begin + piece * 100_000 + end)
