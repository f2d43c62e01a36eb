"""Whether a message begins with a statement, or only holds it somewhere: there it may be an echoed prompt."""

import re

from providers.canonical import Reason
from providers.rules.rule import Rule
from providers.rules.text import Text

PREFIXES_MAX = 4
LEAD_CHARS = 90

_PREFIX = re.compile(
    r"""(?:
      \[[^\]\n]{1,40}\] | \([^)\n]{1,40}\) | 【[^】\n]{1,40}】 | [-"'`~#!=|.,;:/_]{1,3} (?=\s?\S)
    | (?:[a-z0-9']{1,16}\s){0,4}(?:error|errors|failed|failure|exception|err|fail|returned)
        (?:\s(?:code|message|msg|from\s\w{1,16}|type))?(?:\s?\d{1,6})?\s?[:,>|-]
    | (?:[a-z]{1,10}\s){0,4}(?:http|status|code|status\scode|error\scode|http\sstatus)\s?[:=]?\s?\d{3,6}\s?[:,;|-]?
    | \d{3,6}\s?[:,|-]
    | (?:[a-z]{1,10}\s){0,2}(?:message|msg|detail|details|reason|body|response|cause|info|upstream|provider)\s?[:=]
    | (?!预扣费)[^\s:,a-z]{0,12}(?:失败|错误|异常|出错|拒绝|报错|返回)(?:信息|原因|码)?\s?[:,-]
    | (?:原因|失败原因|错误信息|错误原因|消息|信息|上游|说明|错误码)\s?[:=]
    )\s?""",
    re.ASCII | re.VERBOSE,
)
# Words that lead to a statement; an echoed prompt has others as well.
_LEAD_WORDS_TEXT = (
    "sorry we are our the this that these your you you're you've have has had is was were be been being it its "
    "it's a an user users account accounts token api key keys request requests task job video videos image images "
    "photo picture pictures prompt prompts input inputs text content model generation upload uploaded reference "
    "organization organisation org team project workspace current currently because due to as since of by on in "
    "and or not cannot can't could may might will must please check service provider upstream channel customer "
    "remaining available total prepaid plan subscription free error failed failure unable denied blocked rejected "
    "refused flagged submitted provided supplied potentially possibly likely seem seems appear appears contain "
    "contains detected some there no any all unfortunately http at from for openai do does did don't new safety "
    "security user's generate create submit submission creation processed such output outputs generated resulting "
    "result first last frame source final api-key uploads images' "
)
_LEAD_WORDS = frozenset(_LEAD_WORDS_TEXT.split())
_LEAD_SIGNS = frozenset(
    "您你的当前该此本抱歉对不起很用户账号组织团队令牌密钥请求任务视频图片像照提示词文内容输入上传参考生成"
    "创建交失败由于因为已经被系统检测到平台查所在中是无法能可疑似包含有存涉嫌我们非常渠道游接口服模型次好"
    "亲,!~*#-"
)
# Behind these, what reads like a statement of a key or an account may be a prompt.
_OF_A_REQUEST_TEXT = (
    "task job video videos image images photo photos picture pictures prompt prompts input inputs text content request "
    "requests generation generate create output outputs result uploaded reference for of with and or"
)
_OF_A_REQUEST = frozenset(_OF_A_REQUEST_TEXT.split()) | frozenset("任务视频图片像照提示词文内容输入参考生成创建请求")
# A statement that is itself what failed is somebody's words.
_FAILED_BEHIND = re.compile(
    r"""^[^.,;:!?。\n]{0,90}?(?:\bfailed|\b(?:could|can)\s?not\sbe\s[a-z]{1,12}|crashed
        |(?<!扣费)(?<!额度)失败|出错|报错)\s?["')>*]{0,3}\s?(?:$|[.,;:!?)。\n])
    |[:(]\s?(?:[a-z]{1,12}\s){0,3}failed\s?\)?\s?(?:$|[.;])""",
    re.ASCII | re.VERBOSE,
)
_TOKENS = re.compile(r"[a-z']+|\S")
# Where somebody else's words may begin, be it behind what names them or in quotes.
_ECHO = re.compile(
    r"""(?:\b(?:prompt|caption|input|text|content|title)s?(?:\s[a-z]{1,16}){0,2}
    |提示词|提示语|描述|文本|输入|内容|文案)\s?[:=("'`「『《]
    |(?:^|(?<=[^a-z0-9]))["'`「『《<*](?=[^\s.,:;!?)"'`*])""",
    re.ASCII | re.VERBOSE,
)
_OF_AN_ECHO = re.compile(r"prompt|caption|\btext\b|\buser\smessage|提示词|提示语|描述|文本")
# What else was made of is somebody's words, too.
_MADE_OF = re.compile(
    r"\b(?:videos?|images?|photos?|pictures?|text)\s(?:of|with|about|showing|saying)\b|\bfor\s(?:the\s)?prompt\b"
)
# Whoever says that it took the job on has not refused it, whatever else it says.
_TAKEN_ON = r"""
    (?<!not\ )(?<!never\ )\b(?:
        (?:task|job|order)\s(?:id\s|no\.?\s)?(?:\#\s?)?(?:(?=[a-z -]{0,12}[0-9])[a-z0-9 -]{1,48}\s)?
            (?:(?:was|has\ been|is|already|still)\s){0,2}(?:created|accepted|enqueued|queued|started|submitted)\b
        |(?:task|job|video)\s(?:submission|creation)\s(?:was\s)?(?:succeeded|successful)\b
        |(?:video|generation|request|rendering)\s(?:was|has\ been|is)\s(?:already\s)?
            (?:created|accepted|enqueued|queued)\b
        |(?:created|enqueued|started|submitted|queued|dispatched)\s(?:the\s|a\s|your\s)?(?:task|job)\b
        |(?:created|submitted|accepted|queued|enqueued)\ssuccessfully
        |successfully\s(?:created|submitted|accepted|queued|enqueued)
    )(?!\stoo|\s?,?\s(?:but\s)?not\b)
    |任务(?:已|已经)?(?:创建|提交|受理|接收|入队|下发)(?:成功|完成)|(?:创建|提交|下发)(?:任务|视频)?成功(?!前|后才)
    |(?:任务|视频|请求|订单)\s?(?:[a-z0-9-]{1,40}\s?)?已(?:经)?(?:创建|提交|受理|接收|生成|排队|下单)(?!过|数|的|上限|达|满)|下单成功
    |任务已(?:经)?(?:创建|提交|受理|接收|入队|下发)|已(?:创建|提交|下发)任务(?!过|数)
    |已(?:经)?成功(?:创建|提交|受理|下发)|已(?:经)?(?:提交|下发|推送|发送|转发)(?:给|到|至)(?:了)?上游
    |任务(?:已|已经)?(?:入列|入队)|(?<!未)已(?:经)?派单|已(?:经)?自动(?:过滤|替换|改写|修改|处理|优化|修正)(?:后)?(?:并|再)?(?:提交|生成)
"""
# Also said of other jobs than this one.
_UNDER_WAY = re.compile(
    r"""(?:已|已经|成功)(?:加入|进入)(?:了)?[^,.;:]{0,4}队列|进入[^,.;:]{0,4}队列(?!前|后才)
    |(?:正在|开始)(?:生成|渲染)(?!的|中的|前|之前)|(?:任务(?:正在)?执行中|渲染中)(?=$|[\s,.;:!。])
    |\b(?:generation|rendering)\s(?:(?:was|has|is|already)\s){0,2}(?:started|begun)\b""",
    re.ASCII | re.VERBOSE,
)
_OF_ANOTHER = re.compile(
    r"""\b(?:too\smany|another|previous|other|not|never|cannot|unable)\b|n't\b|已有|还有|有任务|有.{1,4}任务|同时|最多|上一个|其他|过多|上限|无法|不能|未能
    |没有|失败|等|未|请""",
    re.ASCII | re.VERBOSE,
)
_TOOK_ON = re.compile(_TAKEN_ON, re.ASCII | re.VERBOSE)
# Beside what no 4xx says, these are enough: also an account that could not be written after the fact.
_MAY_HAVE_TAKEN_ON = re.compile(
    rf"""{_TAKEN_ON}
    |(?<!not\ )(?<!not\ be\ )(?<!not\ been\ )(?<!isn't\ )(?<!can't\ be\ )(?<!never\ )
        \b(?:accepted|enqueued|queued|successfully|has\ been\ submitted|was\ submitted|been\ created|was\ created
        |is\ processing|still\ processing|being\ processed|is\ running|still\ running|in\ progress|was\ started
        |has\ started)\b
    |\b(?:task|job|video)\s?id\b\s?[:=#]?\s?(?=[a-z0-9]{{0,40}}[0-9])
    |\bafter\s(?:the\s)?(?:submit|submission|submitting|generation|creation|task|job)\b
    |\b(?:updat|deduct|refresh|settl|sync|writ|sav|record|refund)(?:e|es|ed|ing|ion|ement)?\s(?:has\s)?(?:failed|error)\b
    |\bto\ settle\b
    |任务\s?(?:id|号|编号)\s?[:=]?\s?[a-z0-9]|已提交|已创建|已受理|已接收|已下单|已入队|提交成功|创建成功|排队中|生成中|处理中
    |进行中|已开始|已生成|生成完成|生成成功|(?:更新|(?<!预)扣费|(?<!预)扣款|结算|同步|刷新|记录|写入|退款)(?:失败|异常)(?![:,\s]{{0,3}}(?:余额|额度|积分))""",
    re.ASCII | re.VERBOSE,
)
_NOT_TAKEN_ON = re.compile(
    r"""\bno\s(?:task|job|video|request)s?\s(?:(?:was|were|is|has\ been|have\ been)\s)?
        (?:created|made|submitted|started)\b
    |\bnot\s(?:been\s|be\s)?(?:created|submitted|accepted)\b|(?:未|没有|没)(?:能)?(?:成功)?(?:创建|提交|受理|开始|进入|加入|派单)""",
    re.ASCII | re.VERBOSE,
)
_CLAUSE_ENDS = ".,;:!?。、\n"


def took_on(text: str) -> bool:
    """Whether a plain text says beyond doubt that a job was made."""
    return _says(_TOOK_ON, _NOT_TAKEN_ON, text) or _says(_UNDER_WAY, _OF_ANOTHER, text)


def may_have_taken_on(text: str) -> bool:
    """Whether a plain text may be about a job that was made."""
    return _says(_MAY_HAVE_TAKEN_ON, _NOT_TAKEN_ON, text) or took_on(text)


def _says(pattern: re.Pattern[str], unless: re.Pattern[str], text: str) -> bool:
    """Whether a text says so in a clause that does not take it back."""
    return any(unless.search(_clause(text, match)) is None for match in pattern.finditer(text))


def _clause(text: str, match: re.Match[str]) -> str:
    start = max(text.rfind(sign, 0, match.start()) for sign in _CLAUSE_ENDS) + 1
    ends = (text.find(sign, match.end()) for sign in _CLAUSE_ENDS)
    return text[start : min((end for end in ends if end >= 0), default=len(text))]


def beginning(text: str) -> str:
    """What a plain text begins with, without harmless words before it, up to where it may echo a prompt."""
    text = _unprefixed(text)
    echo = _ECHO.search(text)
    return text[: echo.end()] if echo else text


def _unprefixed(text: str) -> str:
    """Take off `error:`, `[xx]`, `upstream returned 403:` and the like."""
    for _ in range(PREFIXES_MAX):
        match = _PREFIX.match(text)
        if match is None or match.end() == len(text) or _OF_AN_ECHO.search(match[0]):
            break
        text = text[match.end() :].lstrip()
    return text


def begins_with(row: Rule, text: Text) -> bool:
    """Whether a beginning states what the row says with nothing but lead-in words before it, and is not what failed."""
    unsaid = frozenset() if row.reason is Reason.REFUSED else _OF_A_REQUEST
    return any(
        start <= LEAD_CHARS
        and _only_leads(text.plain[:start], unsaid)
        and _FAILED_BEHIND.search(text.plain[start:]) is None
        for start in row.starts(text, topics=False)
    )


def _only_leads(text: str, unsaid: frozenset[str]) -> bool:
    return _MADE_OF.search(text) is None and all(
        token not in unsaid and (token in _LEAD_WORDS or token in _LEAD_SIGNS) for token in _TOKENS.findall(text)
    )
