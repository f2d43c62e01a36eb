"""One plain spelling for what upstreams write: small letters, simplified Chinese, words apart by one space."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property

TRADITIONAL = (
    "額餘帳號戶內審違規請過檢測現實圖臉詞無權錯誤驗證參數頻連線時間負載飽滿務資點積費儲視關鍵擁擠並發達鑰憑認單購買該當後產輸導觸護區處稱應為檔寬將還須選項個標準狀態絕斷開絡網異運壓縮聯繫員啟飾擬敗"
    "響寫讀傳繼續總尋種類邊調業創試組織團隊級設備獲禮貨幣錢結計劃裝訂閱長變維滅賭黃與會傷兒藝術樣機擋攔滾碼節條約協議離競爭勢體統鎖凍銷歡較慮濫決執訊訪問題屬於際緊張擴飄賬們這來對報誌極嘗轉換聲頁讓"
    "確顯殘損壞歲齡眾兩鐘鍾遠稅帐"
)
SIMPLIFIED = (
    "额余账号户内审违规请过检测现实图脸词无权错误验证参数频连线时间负载饱满务资点积费储视关键拥挤并发达钥凭认单购买该当后产输导触护区处称应为档宽将还须选项个标准状态绝断开络网异运压缩联系员启饰拟败"
    "响写读传继续总寻种类边调业创试组织团队级设备获礼货币钱结计划装订阅长变维灭赌黄与会伤儿艺术样机挡拦滚码节条约协议离竞争势体统锁冻销欢较虑滥决执讯访问题属于际紧张扩飘账们这来对报志极尝转换声页让"
    "确显残损坏岁龄众两钟钟远税账"
)
SPELLINGS = str.maketrans(f"{TRADITIONAL}\u2018\u2019\u201c\u201d", f"{SIMPLIFIED}''\"\"")
# Taiwan's words, read as the mainland's.
REGIONAL = (
    ("逾时", "超时"),
    ("影片", "视频"),
    ("金钥", "密钥"),
    ("伺服器", "服务器"),
    ("网路", "网络"),
    ("储值", "充值"),
)

# Where a machine's word is made of several: CamelCase, snake_case, kebab-case, dotted.case.
_JOINTS = re.compile(
    r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})|(?<=[A-Za-z0-9])[-_./]{1,3}(?=[A-Za-z0-9])|\\[nrt]"
)
_LINK = re.compile(r"https?://[!#-&(-;=?-~]{1,2048}")
_NOT_OF_A_CODE = re.compile(r"[^0-9a-z]+")


def plain(text: str) -> str:
    """Spell a message or a code the one way that rules are written in."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(SPELLINGS)
        for theirs, ours in REGIONAL:
            text = text.replace(theirs, ours)
    return " ".join(_JOINTS.sub(" ", text).casefold().split())


def without_links(text: str) -> str:
    """A message with a word for each link, because what a link's path names is no statement."""
    return _LINK.sub("link", text) if "://" in text else text


def bare(code: str) -> str:
    """A machine code without what its spellings differ in: case, underscores, hyphens, dots, colons."""
    return _NOT_OF_A_CODE.sub("", code.casefold())


_LATIN = re.compile(r"[a-z0-9]+")
_OTHER = re.compile(r"[^\x00-\x7f]+")
KEY_CHARS = 3


class Text:
    """A plain text, and the keys by which a pattern knows without a search that its words are not in there."""

    def __init__(self, plain: str) -> None:
        self.plain = plain

    @cached_property
    def keys(self) -> frozenset[str]:
        """Every Latin word and how it begins; every other sign and pair of signs."""
        return frozenset(_keys_in(self.plain))


def _keys_in(text: str) -> Iterator[str]:
    for word in set(_LATIN.findall(text)):
        yield word
        yield f"{word[:KEY_CHARS]}*"
    if not text.isascii():
        for run in _OTHER.findall(text):
            yield from run
            yield from (run[at : at + 2] for at in range(len(run) - 1))


def key_of(word: str) -> str:
    """The key that every text has which holds `word`; a `*` at its end stands for any ending."""
    if word.isascii():
        first = _LATIN.findall(word)[0]
        return f"{first[:KEY_CHARS]}*" if word == f"{first}*" else str(first)
    signs = _OTHER.findall(word)[0]
    return str(signs[:2])
