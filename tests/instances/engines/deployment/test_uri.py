"""Connection strings as people paste them, and the hosts that they lead to."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from instances.engines.base import EngineError
from instances.engines.deployment.hosts import Host, NotAllowed, SystemResolver, hosts_of, seeds
from instances.engines.deployment.uri import Parsed, options_of, parse, require_allowed_hosts


@dataclass
class Names:
    """A resolver that knows these names only."""

    hosts: dict[str, list[str]] = field(default_factory=dict)
    srv: dict[str, list[Host]] = field(default_factory=dict)
    txt: dict[str, list[str]] = field(default_factory=dict)

    def addresses(self, name: str) -> Iterable[str]:
        return self.hosts[name]

    def services(self, name: str) -> Iterable[Host]:
        return self.srv[name]

    def texts(self, name: str) -> Iterable[str]:
        return self.txt.get(name, [])


def refusal(text: str) -> str:
    with pytest.raises(NotAllowed) as refused:
        parse(text)
    return str(refused.value)


# --- What is accepted ----------------------------------------------------------------------------------------


def test_everything_that_a_person_pastes_goes_into_a_field_of_its_own() -> None:
    assert parse(
        "  mongodb://back%40up:p%3Aw%2Fd@db1.example,DB2.example:27018/shop"
        "?replicaSet=rs0&authSource=admin&authMechanism=scram-sha-1&tls=true&readPreference=secondarypreferred"
        "&readPreferenceTags=dc:ny,rack:1&readPreferenceTags=&connectTimeoutMS=5000&w=majority&appName=shop \n"
    ) == Parsed(
        address="mongodb://db1.example:27017,db2.example:27018/"
        "?connectTimeoutMS=5000&readPreferenceTags=dc:ny,rack:1&readPreferenceTags=&replicaSet=rs0",
        user="back@up",
        password="p:w/d",
        auth_source="admin",
        mechanism="SCRAM-SHA-1",
        tls=True,
        reads_from="secondaryPreferred",
    )


def test_what_is_not_said_stays_empty() -> None:
    assert parse("mongodb://db.example") == Parsed(address="mongodb://db.example:27017/")


def test_an_atlas_string_is_accepted() -> None:
    parsed = parse("mongodb+srv://agent:secret@shop.abcde.mongodb.net/?retryWrites=true&w=majority&appName=Shop")
    assert parsed == Parsed(address="mongodb+srv://shop.abcde.mongodb.net/", user="agent", password="secret", tls=True)


def test_the_database_of_the_path_is_where_the_user_is_defined() -> None:
    assert parse("mongodb://u:p@db.example/shop").auth_source == "shop"
    assert parse("mongodb://u:p@db.example/shop?authSource=admin").auth_source == "admin"


def test_ipv6_is_accepted() -> None:
    parsed = parse("mongodb://[2001:DB8::1],[::1]:27018/")
    assert parsed.address == "mongodb://[2001:db8::1]:27017,[::1]:27018/"
    assert hosts_of(parsed.address) == (("2001:db8::1", 27017), ("::1", 27018))


@pytest.mark.parametrize(
    ("option", "kept"),
    [
        ("directConnection=true", [("directconnection", "true")]),
        ("directConnection=false", []),
        ("compressors=snappy,zlib", [("compressors", "zlib")]),
        ("compressors=snappy", []),
        ("socketTimeoutMS=0", [("sockettimeoutms", "0")]),
        ("maxStalenessSeconds=120", [("maxstalenessseconds", "120")]),
        ("loadBalanced=TRUE", [("loadbalanced", "true")]),
        ("retryReads=false", []),
        ("ssl=false;replicaSet=a%26b", [("replicaset", "a&b")]),
    ],
)
def test_options_that_matter_stay_in_the_address(option: str, kept: list[tuple[str, str]]) -> None:
    assert options_of(parse(f"mongodb://db.example/?{option}").address) == kept


@given(st.text(min_size=1), st.text())
def test_any_user_and_password_are_read_back(user: str, password: str) -> None:
    try:
        userinfo = f"{quote_plus(user)}:{quote_plus(password)}"
    except UnicodeEncodeError:
        return
    parsed = parse(f"mongodb://{userinfo}@db.example/")
    assert (parsed.user, parsed.password) == (user, password)


@given(st.text())
def test_whatever_is_pasted_is_read_or_refused_with_a_sentence(text: str) -> None:
    for scheme in ("", "mongodb://", "mongodb+srv://", "mongodb://h/?", "mongodb://u:"):
        try:
            parsed = parse(scheme + text)
        except NotAllowed as refused:
            assert str(refused).endswith(".")
        else:
            # The address says the same again, and nothing that has a field of its own.
            assert parse(parsed.address).address == parsed.address
            assert parse(parsed.address).user == ""


# --- What is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "begins with mongodb://"),
        ("http://db.example", "begins with mongodb://"),
        ("db.example:27017", "begins with mongodb://"),
        ("mongodb://", "hosts in the connection string cannot be read"),
        ("mongodb:///shop", "hosts in the connection string cannot be read"),
        ("mongodb://db.example,,x", "hosts in the connection string cannot be read"),
        ("mongodb://db.example:port", "hosts in the connection string cannot be read"),
        ("mongodb://db.example:0", "hosts in the connection string cannot be read"),
        ("mongodb://a b/", "hosts in the connection string cannot be read"),
        ("mongodb://%2Fvar%2Frun%2Fmongodb.sock/", "Unix sockets"),
        ("mongodb://db.sock", "Unix sockets"),
        ("mongodb+srv://a.example,b.example/", "exactly one name and no port"),
        ("mongodb+srv://a.example:27017/", "exactly one name and no port"),
        ("mongodb+srv://a.example/?directConnection=true", "single host"),
        ("mongodb://a,b/?directConnection=true", "single host"),
        ("mongodb://a,b/?loadBalanced=true", "single host"),
        ("mongodb://a/?loadBalanced=true&replicaSet=rs0", "single host"),
        ("mongodb://a/?tls=yes", "value of the option tls is not valid"),
        ("mongodb://a/?tls=true&ssl=false", "two different values for the option tls"),
        ("mongodb://a/?replicaSet=x&replicaset=y", "two different values for the option replicaset"),
        ("mongodb://a/?connectTimeoutMS=1", "between 100 and 600000"),
        ("mongodb://a/?socketTimeoutMS=99999999", "between 100 and 600000"),
        ("mongodb://a/?maxStalenessSeconds=5", "value of the option maxStalenessSeconds"),
        ("mongodb://a/?readPreference=any", "value of the option readPreference"),
        ("mongodb://a/?readPreferenceTags=ny", "value of the option readPreferenceTags"),
        ("mongodb://a/?authSource=a%20b", "value of the option authSource"),
        ("mongodb://a/?tlsCAFile=/etc/passwd", "The option tlsCAFile names a file"),
        ("mongodb://a/?TLSCERTIFICATEKEYFILE=/etc/key", "The option tlsCertificateKeyFile names a file"),
        ("mongodb://a/?tlsCertificateKeyFilePassword=x", "names a file"),
        ("mongodb://a/?tlsCRLFile=x", "names a file"),
        ("mongodb://a/?tlsInsecure=true", "Do not verify certificates"),
        ("mongodb://a/?tlsAllowInvalidCertificates=true", "Do not verify certificates"),
        ("mongodb://a/?proxyHost=b", "Proxies are not supported"),
        ("mongodb://a/?authMechanism=MONGODB-AWS", "credentials of a cloud"),
        ("mongodb://a/?authMechanism=MONGODB-OIDC", "credentials of a cloud"),
        ("mongodb://a/?authMechanism=GSSAPI", "Kerberos"),
        ("mongodb://a/?authMechanism=PLAIN", "LDAP"),
        ("mongodb://a/?authMechanismProperties=ENVIRONMENT:gcp", "authMechanismProperties is not supported"),
        ("mongodb+srv://a.example/?srvServiceName=x", "srvServiceName is not supported"),
    ],
)
def test_what_is_refused_and_why(text: str, says: str) -> None:
    assert says in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "mongodb://user:hunter2:x@db.example/",
        "mongodb://user:hunter2@@db.example/",
        "mongodb://user:hunter2%@db.example/",
        "mongodb://user:hunter2/x@db.example/",
        "mongodb://user:x?hunter2@db.example/",
        "mongodb://user:x?hunter2=y@db.example/",
        "mongodb://user:x?a&hunter2=1@db.example/",
        "mongodb://user:x#hunter2@db.example/?hunter2=1",
        "hunter2",
    ],
)
def test_a_password_where_nothing_expects_it_is_not_repeated(text: str) -> None:
    assert "hunter2" not in refusal(text)


@given(st.text("XYZ019/@:?#&;=%+,.-[]\"' \t", min_size=1, max_size=12))
@example("1/X")
def test_a_password_that_should_be_escaped_goes_into_no_other_field(password: str) -> None:
    try:
        # Its repr is without the password.
        said = repr(parse(f"mongodb://reader:{password}@db.example.org/shop"))
    except NotAllowed as error:
        said = str(error)
    assert not set("XYZ") & set(said)


def test_repr_hides_the_password() -> None:
    assert "hunter2" not in repr(parse("mongodb://user:hunter2@db.example/"))


# --- Hosts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "0.0.0.0",  # noqa: S104 - refused
        "[::]",
        "224.0.0.1",
        "[ff02::1]",
        "255.255.255.255",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "metadata.google.internal",
        "metadata.google.internal.",
        "metadata",
    ],
)
def test_addresses_of_no_database_are_refused(host: str) -> None:
    with pytest.raises(NotAllowed, match="does not connect to"):
        require_allowed_hosts(parse(f"mongodb://{host}/").address, Names())


@pytest.mark.parametrize("spelling", ["2852039166", "0xa9fea9fe", "169.254.43518"])
def test_other_spellings_of_an_address_are_refused(spelling: str) -> None:
    with pytest.raises(NotAllowed, match=r"169\.254\.169\.254"):
        require_allowed_hosts(parse(f"mongodb://{spelling}/").address)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.0.0.1", "192.168.1.1", "[fd00::1]", "8.8.8.8"])
def test_loopback_private_and_public_addresses_are_allowed(host: str) -> None:
    require_allowed_hosts(parse(f"mongodb://{host}/").address, Names())


def test_a_name_is_refused_if_any_of_its_addresses_is() -> None:
    names = Names({"db.example": ["10.0.0.1", "169.254.0.9"]})
    with pytest.raises(NotAllowed, match=r"db\.example has the address 169\.254\.0\.9"):
        require_allowed_hosts("mongodb://db.example:27017/", names)


def test_one_known_member_is_enough() -> None:
    address = "mongodb://a.example:27017,b.example:27017/"
    require_allowed_hosts(address, Names({"b.example": ["10.0.0.1"]}))
    with pytest.raises(EngineError, match=r"DNS has no address for a\.example, b\.example"):
        require_allowed_hosts(address, Names())


def test_the_system_knows_no_reserved_name() -> None:
    with pytest.raises(LookupError):
        SystemResolver().addresses("nowhere.invalid")
    assert "127.0.0.1" in set(SystemResolver().addresses("localhost"))


# --- SRV -----------------------------------------------------------------------------------------------------

SHOP = "mongodb+srv://shop.abc.example/"
RECORDS = {"_mongodb._tcp.shop.abc.example": [("One.abc.example.", 27018), ("two.abc.example", 27017)]}
KNOWN = {"one.abc.example": ["10.0.0.1"], "two.abc.example": ["10.0.0.2"]}


def test_dns_completes_an_address() -> None:
    found = seeds(SHOP, Names(KNOWN, RECORDS, {"shop.abc.example": ["authSource=admin&replicaSet=rs0"]}))
    assert found.hosts == (("one.abc.example", 27018), ("two.abc.example", 27017))
    assert found.options == {"authsource": "admin", "replicaset": "rs0"}


@pytest.mark.parametrize("records", [{}, {"_mongodb._tcp.shop.abc.example": []}])
def test_missing_records_are_said(records: dict[str, list[Host]]) -> None:
    with pytest.raises(EngineError, match=r"DNS has no SRV records for shop\.abc\.example"):
        seeds(SHOP, Names(KNOWN, records))


@pytest.mark.parametrize("host", ["one.other.example", "abc.example", "xabc.example", "evil.example"])
def test_records_that_lead_to_another_domain_are_refused(host: str) -> None:
    records: dict[str, list[Host]] = {"_mongodb._tcp.shop.abc.example": [(host, 27017)]}
    with pytest.raises(NotAllowed, match="in another domain"):
        seeds(SHOP, Names({host: ["10.0.0.1"]}, records))


def test_records_that_lead_to_a_link_local_address_are_refused() -> None:
    with pytest.raises(NotAllowed, match=r"169\.254\.169\.254"):
        seeds(SHOP, Names(KNOWN | {"two.abc.example": ["169.254.169.254"]}, RECORDS))


@pytest.mark.parametrize("texts", [["tls=false"], ["authSource=a", "replicaSet=b"]])
def test_other_options_from_dns_are_refused(texts: list[str]) -> None:
    with pytest.raises(NotAllowed, match="TXT record"):
        seeds(SHOP, Names(KNOWN, RECORDS, {"shop.abc.example": texts}))
