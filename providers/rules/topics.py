"""Words that name what a review looks at, and that are also said of keys, accounts, requests and machines."""

from providers.canonical import Reason
from providers.rules.refused import (
    MAYBE_FOUND,
    MAYBE_UNWANTED,
    NOT_OF_CONTENT,
    NOT_UNWANTED,
    RULE_BREAKING,
    TURNED_DOWN,
    WRONG_MEASURES,
)
from providers.rules.rule import near, rule, then, words

PEOPLE_ZH = "人物|人脸|面部|真人|肖像|人像|名人|明星|儿童|未成年"
SHOWN_ZH = "提示词|提示语|文本|内容|图片|图像|照片|视频|素材|描述|关键词|画面|输入|输出|生成结果|作品|文案|参考图"

RULE = rule(
    Reason.REFUSED,
    patterns=(
        near(RULE_BREAKING, "polic*|rules|terms|standards|regulation*", gap=48, unless=NOT_OF_CONTENT),
        then("violates|violated|violation of|against", "our|the|openai's", gap=12, unless=NOT_OF_CONTENT),
        near(MAYBE_FOUND, MAYBE_UNWANTED, gap=40, unless=NOT_UNWANTED),
        near("submission|generation|input|inputs|audio|character*|result", TURNED_DOWN, gap=20, unless=WRONG_MEASURES),
        words(
            "policy violation*|policy issue*|policy concern*|potential policy|policy restriction*|unsafe|not safe"
            "|harmful|abusive|discriminat*|impersonat*|a minor|minors",
            unless=(
                f"{NOT_UNWANTED}|filter unavailable|service unavailable|crash*|failed to load|is none|checker failed"
                "|minor version"
            ),
            is_topic=True,
        ),
        words(
            "flagged as|flagged by|flagged for|blocked by our|blocked by the|against our",
            unless=(
                "retry|retrying|corrupt*|damaged|duplicate|unhealthy|stale|ip address|firewall|too long|too short"
                "|length|characters|waf|rate limit*|empty"
            ),
        ),
        near(
            PEOPLE_ZH,
            "不支持|不能|检测|识别|不可|不得|限制",
            gap=10,
            unless="未检测到|没有检测到|未识别|无法识别|检测不到|识别不到|需要包含|必须包含|检测失败|检测服务",
        ),
        near(
            SHOWN_ZH,
            "审核|风险",
            gap=12,
            unless=("尺寸|大小|格式|分辨率|参数|比例|时长|服务|审核中|像素|长度|数量|下载|获取|超时|频率|余额|额度"),
        ),
        near(
            "违反|违背|触犯|不符合|触碰|不遵守|侵犯",
            "规定|协议|条款|要求|规则|策略|平台|安全",
            gap=16,
            unless="尺寸|大小|格式|参数|比例|时长|频率|分辨率|类型",
        ),
        words(
            "敏感",
            unless="加密|参数|词库|服务|大小写敏感|时间敏感|敏感度|服务异常|大小写|模型文件|文件损坏",
            is_topic=True,
        ),
        words(
            "未成年|存在风险|高风险|安全风险|出于安全|安全考虑",
            unless="词库|加载失败|服务异常|服务超时|服务不可用",
            is_topic=True,
        ),
    ),
    is_weak=True,
)
