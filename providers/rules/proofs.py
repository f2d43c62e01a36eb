"""What is plain enough to say that no job was made where the HTTP status does not, and what hides that.

A relay's database, disk or pool of accounts complains in the words of a caller's key and money.
"""

import re

from providers.canonical import Reason
from providers.rules.accounts import ASKING_RATES, NOT_KEYS
from providers.rules.rule import Rule, near, pairs, rule, then, words

OF_A_MACHINE = (
    "int32|int64|integer|overflow|range|提醒|通知|disk|storage|gpu|memory|database|table|redis|cache|cached|log|logs|callback|webhook|line|column|row"
    "|磁盘|存储|内存|数据库|缓存|日志|回调"
)
HANDLED = (
    "deduct|deducting|deduction|update|updating|query|querying|get user|fetch|to check"
    "|checking|check failed|check error|post consume|settle"
    "|扣减|查询|更新|同步|结算|获取|校验|检查服务"
)

# What counts of these reasons among words; of a refusal the whole table does.
PROOFS: dict[Reason, Rule] = {
    Reason.BALANCE: rule(
        Reason.BALANCE,
        patterns=(
            near(
                "balance|balances|credit|credits|fund|funds|wallet|quota|points|coins|余额|积分|金币|资金|钱包|算力点"
                "|算力值|额度|点数|点券|余量|套餐|次数包|钻石|灵感值|代币",
                "insufficient*|not enough|exhaust*|deplet*|ran out|run out|out of|used up|no remaining|too low|exceed*"
                "|overdrawn|negative|not sufficient|不足|耗尽|用尽|用完|用光|不够|透支|小于|低于|为零|为0|已用|超额"
                "|超出|超限",
                gap=24,
                unless=f"{ASKING_RATES}|{OF_A_MACHINE}|{HANDLED}|not exhausted|not insufficient|未用完|未耗尽|并未",
            ),
            words(
                "exceeded your current quota"
                "|billing hard limit|payment required|payment is required|please recharge|please top up|top up your"
                "|account is overdue|arrears|out of credits|欠费|欠款|预扣费额度失败|预扣费失败|账户已透支|请充值"
                "|account overdue|account arrears|payment overdue|no credits|billing not active",
                unless=f"{OF_A_MACHINE}|{HANDLED}",
            ),
        ),
    ),
    Reason.AUTH: rule(
        Reason.AUTH,
        patterns=(
            near(
                "api key*|apikey*|api token*|secret key*|access key*|accesskey*|access token*|auth token*"
                "|bearer token*|authorization header|令牌|密钥|秘钥",
                "invalid|incorrect|wrong|expired|revoked|disabled|missing|not valid|no longer valid|not provided"
                "|deactivated|deleted|unauthorized|无效|错误|不合法|不正确|过期|失效|禁用|停用|未提供|不匹配|吊销",
                gap=24,
                unless=f"{NOT_KEYS}|{OF_A_MACHINE}|while|during|refresh*|renewed|rotated|并未",
            ),
            then(
                "unauthorized|unauthorised|unauthenticated",
                "token|key|api key|credentials",
                gap=24,
                unless=f"{OF_A_MACHINE}|while|during|refresh*",
            ),
        ),
    ),
}

# Steps that come after a job was made, and ways on when one account would not pay.
LATER = (
    "poll|polling|query task|task status|download|downloading|transcod*|watermark*|upscal*|post processing"
    "|postprocessing|notify|notification*|settlement|settling|billing error|upload failed|next generation|next task"
    "|next job|trying next|try next|sent to|failover|fail over|backup channel|on credit|overdraft|overage|almost"
    "|warning|google drive|轮询|查询任务|获取视频|保存视频|下载|转存|上传失败|水印|推送"
    "|计费|结算|记账|预警|备用|已转|下一次|下次"
)

# The upstream's own trouble, told beside or in the words of a statement.
OWN_TROUBLE: Rule = rule(
    Reason.INTERNAL,
    patterns=(
        words(
            "database*|sql|sqlstate|mysql|postgres*|sqlite|mongodb|redis|errno|file system|no such file|s3|bucket"
            "|disk|internal error|internal server error|internal exception|crash*|worker|exception|traceback|panic"
            "|went wrong|unexpected error|unknown error|unknown exception|retried|retrying|after retry|fallback channel"
            "|first channel|other channels|previous channel|another channel|to start|from cache|post consume"
            "|by another|logger|codec|firewall|cdn|oss|queue|repeated errors|service unavailable|unhandled"
            "|out of memory|oom"
            "|异常|内部错误|系统错误|服务错误|服务器错误|系统故障|崩溃|已重试|重试中|切换|已扣除|重试渠道|其他渠道|数据库|缓存|磁盘"
        ),
        words(LATER),
        near(
            "audit|compliance|moderation|review|safety|content check|billing|balance|credits|quota|审核|余额|额度|积分",
            "log|logging|database|callback|webhook|not available|unavailable|to update|to deduct|to get|to query"
            "|to check|to load|to refresh|check failed|query failed|查询失败|扣减失败|更新失败|获取失败|服务",
            gap=12,
        ),
        words(pairs("video|image|file|result|asset", "removed|deleted|was removed|was deleted|not found|lost")),
    ),
)

# What is denied is not stated.
_DENIED = re.compile(
    r"""\bno\s(?:[a-z]{1,14}\s){0,3}(?:violations?|issues?|problems?|violating|risks?)\b
    |\b(?:not|never|wasn't|isn't|hasn't|haven't|didn't|doesn't|weren't|aren't)\s(?:been\s|be\s|being\s|yet\s)?
        (?:flagged|blocked|disabled|suspended|banned|refused|rejected|violat[a-z]{1,6}|insufficient|exhausted|expired
        |revoked|moderated|censored|restricted|sensitive|negative|empty|overdue)\b
    |\b(?:passed|passes|cleared)\s(?:our\s|the\s|all\s)?(?:[a-z]{1,12}\s)?(?:moderation|review|safety|checks?|audit)\b
    |(?:无|没有|未|并未|并非|不)(?:发现|检测到|检出|检测出|涉及|存在|包含|含有|含|任何|是){0,2}
        (?:违规|敏感|违禁|风险|违法|侵权|不足|欠费|过期|失效|禁用|封禁|无效)
    |充足|审核通过|已通过""",
    re.ASCII | re.VERBOSE,
)


def is_denied(text: str) -> bool:
    """Whether a plain text says that something is not so: then nothing in it is a plain statement."""
    return _DENIED.search(text) is not None
