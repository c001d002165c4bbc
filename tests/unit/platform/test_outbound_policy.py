"""Addresses that are refused, in each notation that is known to bypass filters."""

from ipaddress import ip_address

import pytest

from trapline.server.platform.network.outbound_policy import (
    OutboundPolicy,
    can_be_allowed,
    find_refusal_reason,
    parse_allowed_network,
)

PUBLIC = OutboundPolicy()
STATION = OutboundPolicy(allow_private=True)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.1.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254",
        "fd00:ec2::254",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:1::1",
        "100.100.100.200", "192.0.0.192", "168.63.129.16", "224.0.0.1", "ff02::1",
        "255.255.255.255",
    ],
)  # fmt: skip
def test_never_allowed_whatever_the_operator_says(address: str) -> None:
    policy = OutboundPolicy(
        True, tuple(parse_allowed_network(entry) for entry in ("0.0.0.0/0", "::/0", "camera"))
    )
    for host in ("camera", address):
        reason = find_refusal_reason(policy, ip_address(address), host, 80)
        assert reason is not None
        assert not can_be_allowed(reason)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "0.1.2.3",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
    ],
)
def test_this_host_only_where_it_is_named(address: str) -> None:
    assert (
        find_refusal_reason(OutboundPolicy(allow_private=True), ip_address(address), "camera", 80)
        == "this host"
    )
    for entry in (
        "127.0.0.0/8:80,0.0.0.0/8:80,[::/127]:80",
        "camera,127.0.0.0/8:80,0.0.0.0/8:80,[::/127]:80",
    ):
        policy = OutboundPolicy(
            allowed_networks=tuple(map(parse_allowed_network, entry.split(",")))
        )
        assert find_refusal_reason(policy, ip_address(address), "camera", 80) is None
        assert find_refusal_reason(policy, ip_address(address), "camera", 81) == "this host"
    for entry in ("camera", "camera:80", "localhost"):
        policy = OutboundPolicy(allowed_networks=(parse_allowed_network(entry),))
        assert (
            find_refusal_reason(policy, ip_address(address), entry.partition(":")[0], 80)
            == "this host"
        )
    policy = OutboundPolicy(allowed_networks=(parse_allowed_network("10.0.0.0/8"),))
    assert find_refusal_reason(policy, ip_address(address), "camera", 80) == "this host"


def test_a_host_opens_the_network_that_it_is_in_and_not_this_machine() -> None:
    policy = OutboundPolicy(allowed_networks=(parse_allowed_network("camera:80"),))
    address = ip_address("192.168.1.20")
    assert find_refusal_reason(policy, address, "camera", 80) is None
    assert find_refusal_reason(policy, address, "camera", 80, is_own=True) == "this host"
    assert find_refusal_reason(policy, address, "another", 80) == "a private address"


def test_an_interface_address_of_this_machine_is_opened_by_its_own_entry_alone() -> None:
    address = ip_address("192.168.1.20")
    for entry, allowed in {
        "192.168.0.0/16": False,
        "192.168.1.20": True,
        "192.168.1.20:8080": True,
    }.items():
        policy = OutboundPolicy(True, (parse_allowed_network(entry),))
        assert (
            find_refusal_reason(policy, address, "192.168.1.20", 8080, is_own=True) is None
        ) is allowed
        assert find_refusal_reason(policy, address, "192.168.1.20", 8080) is None
    assert find_refusal_reason(STATION, address, "192.168.1.20", 8080, is_own=True) == "this host"


@pytest.mark.parametrize(
    ("text", "place"),
    [("10.0.0.0/8", ("10.0.0.0/8", None, None)), ("127.0.0.1:8080", ("127.0.0.1/32", None, 8080)),
     ("::1", ("::1/128", None, None)), ("[::1]:8080", ("::1/128", None, 8080)),
     ("[fd00::/8]", ("fd00::/8", None, None)), ("Camera.Local.", (None, "camera.local", None)),
     ("camera.local:81", (None, "camera.local", 81)),
     ("10.1.0.0/16:21", ("10.1.0.0/16", None, 21))],
)  # fmt: skip
def test_allowed_forms_of_an_entry(
    text: str, place: tuple[str | None, str | None, int | None]
) -> None:
    entry = parse_allowed_network(text)
    assert (entry.network and str(entry.network), entry.host, entry.port) == place


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0.0/99",
        "10.0.0.1/8",
        "camera:0",
        "camera:70000",
        "camera:x",
        "[::1",
        "10.0.0",
        "a b",
        "a/b",
        "http://camera/",
        "camera.local:80:80x",
        "*",
        "user@camera",
    ],
)
def test_refused_forms_of_an_entry(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a network|has a port"):
        parse_allowed_network(text)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "fd12::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
    ],
)
def test_private_networks_only_where_they_are_allowed(address: str) -> None:
    assert find_refusal_reason(PUBLIC, ip_address(address)) == "a private address"
    is_rfc_1918 = address not in ("100.64.0.1", "fd12::1")
    assert (find_refusal_reason(STATION, ip_address(address)) is None) is is_rfc_1918


def test_the_operator_can_allow_one_network() -> None:
    policy = OutboundPolicy(
        allowed_networks=tuple(map(parse_allowed_network, ("10.1.0.0/16", "198.51.100.0/24")))
    )
    assert find_refusal_reason(policy, ip_address("10.1.2.3")) is None
    assert find_refusal_reason(policy, ip_address("198.51.100.7")) is None
    assert find_refusal_reason(policy, ip_address("10.2.0.1")) == "a private address"


@pytest.mark.parametrize(
    "address",
    ["192.0.2.1", "198.18.0.1", "203.0.113.9", "240.0.0.1", "100::1", "2001:db8::1", "4000::1"],
)
def test_reserved_networks_are_refused(address: str) -> None:
    assert find_refusal_reason(STATION, ip_address(address)) == "a reserved address"


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101", "2a00::1"],
)
def test_the_internet_is_allowed(address: str) -> None:
    assert find_refusal_reason(PUBLIC, ip_address(address)) is None
