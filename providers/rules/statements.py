"""What is said so plainly of a key, money, a rate, capacity, a count or a crash that no topic hides it."""

from providers.canonical import Reason
from providers.rules.accounts import ASKING_RATES, NOT_KEYS
from providers.rules.rule import Rule, near, rule, words

RULES: tuple[Rule, ...] = (
    rule(
        Reason.BALANCE,
        patterns=(
            near(
                "balance|balances|credit|credits|funds|wallet|budget|quota|余额|积分|额度|金币|资金",
                "insufficient*|not enough|exhaust*|deplet*|too low|negative|used up|run out|ran out|out of|overdrawn"
                "|不足|耗尽|用尽|用完|用光|不够|透支",
                gap=20,
                unless=ASKING_RATES,
            ),
            words(
                "top up|please recharge|payment required|payment is required|overdue invoice*|unpaid invoice*"
                "|overdue payment|upgrade your plan|充值|欠费|欠款"
            ),
        ),
    ),
    rule(
        Reason.AUTH,
        patterns=(
            near(
                "api key*|apikey*|secret key*|access key*|access token|auth token|bearer token|bearer|token|jwt"
                "|credential*|this key|the key|your key|upstream key|vendor key|provider key|key was|key is|key has"
                "|密钥|秘钥|令牌",
                "revoked|expired|disabled|invalid|incorrect|missing|leaked|compromised|not valid|not found|deactivated"
                "|suspended|blocked|banned|mismatch|not allowed|not permitted|rejected|无效|过期|失效|禁用|停用|吊销"
                "|撤销|不存在"
                "|错误|不正确",
                gap=48,
                unless=NOT_KEYS,
            ),
            words(
                "keys may not|key may not|keys cannot|key cannot|keys can't|key can't|keys are not allowed"
                "|key is not allowed|key flagged|key revoked|key expired|key disabled"
            ),
        ),
    ),
    rule(
        Reason.RATE_LIMITED,
        patterns=(
            words(
                "rate limit*|ratelimit*|rate limited|rate polic*|request rate|too many requests|too many concurrent*"
                "|slow down|throttled|requests per|calls per|per minute|per second|concurrent generation*"
                "|concurrent request*|concurrent task*|concurrent job*|过于频繁|太频繁|每分钟|每秒|并发|频率|限流",
                unless="frames per second|frame per second|fps",
            ),
        ),
    ),
    rule(
        Reason.OVERLOADED,
        patterns=(
            words(
                "no available channel*|no available account*|no available gpu*|no available worker*|overloaded"
                "|at capacity|no capacity|over capacity|server busy|无可用渠道|没有可用渠道|可用渠道失败|繁忙"
            ),
        ),
    ),
    rule(
        Reason.INVALID,
        patterns=(
            near(
                "数量|人数|个数|编号|id|参数|字段|count|number of|field|parameter*",
                "超出|超过|最多|上限|至多|不存在|无效|必须|must not exceed|at most|exceeds|does not exist|not found"
                "|must be|is required|is missing",
                gap=16,
            ),
        ),
    ),
)

# Nobody but a program that broke down speaks so.
CRASHED: Rule = rule(
    Reason.INTERNAL,
    patterns=(
        words(
            "segmentation fault|segfault|sigsegv|sigabrt|core dumped|traceback|stack trace|stacktrace"
            "|null pointer exception|nil pointer|runtime error: slice|slice bounds|slice index"
            "|positional argument*|unexpected keyword argument|has no attribute|object is not|not subscriptable"
            "|tensor|tensors|weights could not be|model weights|encoder weights|cuda error|out of memory|oom killer"
            "|assertion failed|崩溃|宕机|死机|进程退出|内存溢出|空指针|段错误"
        ),
    ),
)
