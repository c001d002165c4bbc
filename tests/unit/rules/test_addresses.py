"""Which addresses are refused, in every spelling that has fooled somebody."""

from ipaddress import ip_address, ip_network

import pytest

from trapline.server.rules.addresses import OutboundPolicy, why_refused

PUBLIC = OutboundPolicy()
STATION = OutboundPolicy(allow_private=True)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "::1", "::", "::ffff:127.0.0.1", "::127.0.0.1",
        "169.254.169.254", "169.254.1.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "fd00:ec2::254",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:1::1",
        "100.100.100.200", "192.0.0.192", "168.63.129.16", "224.0.0.1", "ff02::1", "255.255.255.255",
    ],
)  # fmt: skip
def test_never_allowed_whatever_the_operator_says(address: str) -> None:
    everything = OutboundPolicy(allow_private=True, allowed_networks=(ip_network("0.0.0.0/0"), ip_network("::/0")))
    assert why_refused(everything, ip_address(address)) is not None


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1",
     "64:ff9b::a00:1"],
)  # fmt: skip
def test_private_networks_only_where_they_are_allowed(address: str) -> None:
    assert why_refused(PUBLIC, ip_address(address)) == "a private address"
    assert why_refused(STATION, ip_address(address)) is None


def test_the_operator_can_allow_one_network() -> None:
    policy = OutboundPolicy(allowed_networks=(ip_network("10.1.0.0/16"), ip_network("198.51.100.0/24")))
    assert why_refused(policy, ip_address("10.1.2.3")) is None
    assert why_refused(policy, ip_address("198.51.100.7")) is None
    assert why_refused(policy, ip_address("10.2.0.1")) == "a private address"


@pytest.mark.parametrize(
    "address", ["192.0.2.1", "198.18.0.1", "203.0.113.9", "240.0.0.1", "100::1", "2001:db8::1", "4000::1"]
)
def test_reserved_networks_are_refused(address: str) -> None:
    assert why_refused(STATION, ip_address(address)) == "a reserved address"


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101", "2a00::1"]
)
def test_the_internet_is_allowed(address: str) -> None:
    assert why_refused(PUBLIC, ip_address(address)) is None
