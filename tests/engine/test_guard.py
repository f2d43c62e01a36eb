import socket

import pytest
from yarl import URL

from router.engine.guard import (
    ForbiddenAddressError,
    RefusedLinkError,
    check_public_url,
    guarded_socket,
    is_exempt,
    is_public,
    parse_link,
    why_refused,
)

PRIVATE = [
    "127.0.0.1",
    "::1",
    "0.0.0.0",
    "::",
    "10.1.2.3",
    "172.31.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.8",
    "192.88.99.1",
    "224.0.0.1",
    "255.255.255.255",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_outside_the_public_internet_gets_no_socket(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    assert not is_public(address)
    with pytest.raises(ForbiddenAddressError):
        guarded_socket((family, socket.SOCK_STREAM, 6, "", (address, 443)))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_gets_a_socket_even_when_it_is_wrapped(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    guarded_socket((family, socket.SOCK_STREAM, 6, "", (address, 443))).close()


@pytest.mark.parametrize("text", ["2130706433", "0x7f.1", "127.1", "localhost", ""])
def test_what_is_no_canonical_address_is_not_public(text):
    assert not is_public(text)


def test_a_unix_socket_is_forbidden():
    with pytest.raises(ForbiddenAddressError):
        guarded_socket((socket.AF_UNIX, socket.SOCK_STREAM, 0, "", ("8.8.8.8",)))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://cdn.example.com/a.mp4", "https"),
        ("ftp://cdn.example.com/a.mp4", "https"),
        ("file:///etc/passwd", "https"),
        ("https:///a.mp4", "host"),
        ("https://user@cdn.example.com/a.mp4", "user name"),
        ("https://:word@cdn.example.com/a.mp4", "user name"),
        ("https://cdn.example.com:8443/a.mp4", "port"),
        ("https://127.0.0.1/a.mp4", "public internet"),
        ("https://[::1]/a.mp4", "public internet"),
        ("https://2130706433/a.mp4", "public internet"),
        ("https://0x7f000001/a.mp4", "public internet"),
        ("https://0177.0.0.1/a.mp4", "public internet"),
        ("https://localhost/a.mp4", "public host"),
        ("https://LOCALHOST./a.mp4", "public host"),
        ("https://metadata.google.internal/a.mp4", "public host"),
    ],
)
def test_a_link_is_refused_with_its_reason(url, reason):
    refusal = why_refused(URL(url))
    assert refusal is not None
    assert reason in refusal


def test_a_public_https_link_is_not_refused():
    assert why_refused(URL("https://cdn.example.com/a.mp4?sig=x")) is None


def test_an_exempted_host_may_be_private_unencrypted_and_on_any_port():
    assert why_refused(URL("http://127.0.0.1:9501/a.mp4"), frozenset({"127.0.0.1"})) is None
    assert why_refused(URL("http://[::1]:9501/a.mp4"), frozenset({"[::1]:9501"})) is None


def test_an_exemption_with_a_port_holds_for_that_port_only():
    assert is_exempt(URL("http://assets.lan:9501/a"), frozenset({"assets.lan:9501"}))
    assert not is_exempt(URL("http://assets.lan:9502/a"), frozenset({"assets.lan:9501"}))


def test_an_exemption_holds_for_exactly_its_host():
    for host in ("evil-assets.lan", "assets.lan.evil.com", "x.assets.lan"):
        assert not is_exempt(URL(f"https://{host}/a"), frozenset({"assets.lan"}))


def test_an_exempted_host_gets_no_user_name():
    assert why_refused(URL("http://me:word@assets.lan/a"), frozenset({"assets.lan"})) is not None


def test_a_signed_link_is_kept_byte_for_byte():
    link = "https://cdn.example.com/a%2fb.mp4?sig=%3d%2B+/&e=1~"
    assert str(parse_link(link)) == link


def test_a_link_with_foreign_letters_is_percent_encoded():
    assert parse_link("https://cdn.example.com/视频.mp4").raw_path == "/%E8%A7%86%E9%A2%91.mp4"


def test_a_relative_link_is_joined_to_the_page_it_came_from():
    assert str(parse_link("/b?c=%2F", URL("https://cdn.example.com/a"))) == "https://cdn.example.com/b?c=%2F"


@pytest.mark.parametrize(
    "link",
    ["https://a.com/x y", "https://a.com/\r\nHost: b", "https://a.com\\@b.com", "https://a.com:99999", "a" * 9000],
)
def test_a_malformed_link_is_refused_without_quoting_it(link):
    with pytest.raises(RefusedLinkError) as refused:
        parse_link(link)
    assert "a.com" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "image.png",
        "http://cdn.example.com/a.png",
        "https://cdn.example.com/" + "a" * 2048,
        "https://me@cdn.example.com/a.png",
        "https://cdn.example.com\\@127.0.0.1/",
        "https://cdn.example.com/a b.png",
        "https://[::ffff:10.0.0.1]/",
        "https://[::1/",
        "https://１２７.0.0.1/a.png",
        "https://intranet/a.png",
        "https://cdn.example.com:99999/a.png",
        "data:image/png;base64,AAAA",
    ],
)
def test_a_callers_url_that_is_not_public_is_answered_with_a_sentence(url):
    sentence = check_public_url(url)
    assert sentence is not None
    assert sentence.startswith("The URL ")
    assert "cdn.example.com" not in sentence


@pytest.mark.parametrize(
    "url", ["https://cdn.example.com/a.png?sig=%3D#x", "https://cdn.example.com:8443/a.png", "https://8.8.8.8/a.png"]
)
def test_a_callers_public_url_passes(url):
    assert check_public_url(url) is None
