"""What upstreams say when a review refused an input or an output. The most specific rows come first."""

from providers.canonical import Reason, Stage
from providers.rules.rule import Rule, near, pairs, rule, then, words

# Whoever reviews says nothing until it also says no.
REVIEWERS = (
    "safety layer|ai safety|review team|filters|censor*|safety model|guard model|screening|vetting|moderation"
    "|moderator*|safety system*|safety filter*|safety check*|safety review*|safety polic*|safety guideline*"
    "|safety setting*|safety measure*|safety guard*|safety classifier*|content filter*|content check*"
    "|content review*|content audit*|content moderation|content safety|content inspection|content security"
    "|content detection|risk control*|data inspection|responsible ai|rai|audit*|guardrail*|compliance"
    "|security review|security check|trust and safety|safety team|input check*|prompt check*|green net"
    "|abuse detection|审核|审查|风控|风险控制|内容检测|内容安全|机审|人审|过审|质检|内容过滤|安全检测"
    "|安全检查|安全策略|安全规范|安全系统|安全过滤|安全机制|安全政策|安全审|安全限制|安全规则|安全要求|鉴黄"
    "|合规"
)
NOES = (
    "block*|reject*|flag*|refus*|veto*|denied|deny|prohibit*|not pass*|did not pass|didn't pass|does not pass"
    "|failed|fails|fail|failure|trigger*|filtered|intercept*|stopped by|removed|disapprov*|not approved"
    "|declin*|not allow*|violat*|tripp*|withheld|discard*|stopped|dropped|not deliver*|suppressed|caught|hit"
    "|不通过|未通过|没有通过|没通过|无法通过|未能通过|未过|不过|失败|拒绝|拦截|屏蔽|命中|触发|驳回|被拒|阻止"
    "|不符合|不合规|违反|异常内容|不合格|不予|未过审|不给过|打回|没过|不让过|过不了|没能过|通不过|不放行|压下"
)
REVIEW_BROKE = (
    "service unavailable|service is unavailable|unavailable|service error|service failed|service timed out"
    "|timed out|timeout|服务异常|服务不可用|服务错误|超时|审核中|check failed to run|service is busy"
    "|service busy|thread safety|type safety|memory safety|null safety|调用失败|连接失败|接口超时|接口异常|接口报错"
    "|组件异常"
    "|模块异常|繁忙|没过期|未过期|过期|审核服务"
    "|风控系统异常|系统异常|过滤器异常|服务超时|加载失败|failed to load|module|model failed"
)
RULE_BREAKING = (
    "break|breaks|breaking|broke|violat*|against|breach*|infring*|contraven*|not comply|non compliant"
    "|does not meet|did not meet|not meet"
)
# Accounts have policies, rules and terms, too; these are of content, or ours.
RULES_BROKEN = (
    "guideline*|guardrail*|copyright*|trademark*|intellectual property|law|laws|community|likeness|code of conduct|"
    + pairs(
        "our|openai's|google's|platform|service|content|usage|safety|these|moderation|ai",
        "polic*|rules|terms|standards|regulation*",
    )
)
# What is refused is what the caller asked for or showed; what is only the wrong size or type is not.
SUBJECTS = (
    "footage|clip|scene*|prompt*|input text|text input|content|contents|image|images|photo*|picture*|video|videos"
    "|output*|uploaded file*|text|description|request content|material*|reference*"
)
TURNED_DOWN = (
    "not approved|declined|unsuitable|inadmissible|not something we can|blocked|block|flagged|flag|rejected"
    "|banned|censored|refused|filtered|removed|disallowed|prohibited|unsafe|not safe|suspended for review"
    "|taken down|withheld"
)
WRONG_MEASURES = (
    "size|dimension*|format|resolution|too large|mime|aspect|width|height|duration|method|parameter*|field"
    "|type|extension|count|length|seconds|fps|too long|too short|pixel*|bytes|mb|rate limit*|quota|too many"
    "|timeout|not supported|unsupported|could not be fetched|download*|url|empty|balance|credit*|overload*"
    "|busy|capacity|container image|registry|docker"
)
FOUND = (
    "classified|contain*|detect*|includ*|depict*|involv*|deemed|considered|categor*|show*|featur*|describ*|mention*"
    "|recogni*|represent*|resembl*|portray*|related to|refers|rejected|prohibit*|violation*|violating"
)
# Of anything something else may be said with these.
MAYBE_FOUND = (
    "reason*|because of|due to|names|naming|identified|found|relat*|flagged|blocked|restrict*|upload*|no|not|without"
    "|avoid|remove|generat*|for|is|are|as"
)
UNWANTED = (
    "sexual*|sexy|violen*|nude|nudity|naked|porn*|gore|gory|bloody|blood|hate"
    "|hateful|harass*|bullying|suicid*|terror*|extremis*|drugs|weapons|illegal content|illegal activit*"
    "|harmful|offensive|explicit|obscen*|vulgar|lewd|erotic|political figure*|politician*|politically"
    "|celebrit*|public figure*|famous people|famous person*|real person*|real people|real human*"
    "|actual person*|real individual*|human face*|photorealistic people|identifiable people"
    "|identifiable person*|underage|copyright*|trademark*|intellectual property|ip infring*"
    "|explosive*|weapon*|drug|drug use|protected character*|protected cartoon|cartoon character*"
    "|fictional character*|nsfw|inappropriate|indecent|forbidden word*|banned word*|blocked word*"
    "|prohibited word*|disallowed content|prohibited content|self harm|graphic violence|dangerous content"
    "|real face*|likeness|child abuse|deepfake*|privacy information|personal information"
)
# Accounts, keys, processes and requests are called so, too.
MAYBE_UNWANTED = "artist*|child|kid|kids|adult|minors|children|unsafe|sensitive|impersonat*"
NOT_UNWANTED = (
    "case sensitive|case insensitive|case sensitivity|sensitive to|characters are|no face|not contain a face"
    "|must contain|should contain|not detect*|unable to detect|latency|time sensitive|price sensitive"
    "|unsafe buffer*|unsafe pointer*|unsafe memory|unsafe code|unsafe cast|unsafe operation*|unsafe character*"
    "|unsafe url|header*|thread*|unsafe method|explicitly|unavailable"
)
FOUND_ZH = (
    "包含|含有|含|检测到|检测出|检出|存在|出现|涉嫌|疑似|涉及|识别到|识别出|发现|有|属于|为|禁止|不支持"
    "|不允许|不得|请勿|上传|使用|生成|命中|触发|避免|删除|修改|因|由于|过于|太|较|带有|展示|呈现|描述|提及"
    "|提到|指向|是|与|像|模仿"
)
UNWANTED_ZH = (
    "敏感|违规|违禁|违法|色情|暴力|血腥|裸露|低俗|政治|涉政|涉黄|涉暴|恐怖|毒品|赌博|侵权|版权|真人|人脸|名人"
    "|公众人物|明星|未成年|儿童|不当|不良|不雅|有害|不安全|仇恨|歧视|自残|自杀|隐私|不合规|不合法内容|屏蔽词"
    "|肖像|政治人物|知识产权|商标|真实人物|现实人物|辱骂|谩骂|脏话|粗俗|不文明|骂人|暴恐|性暗示|裸体|枪支"
    "|武器|吸毒|邪教|反动|领导人|国家领导|惊悚|自伤|虐待|危险行为"
)
NOT_UNWANTED_ZH = (
    "未检测到|没有检测到|未识别到|无法识别|需要包含|必须包含|大小写敏感|区分大小写|服务异常|不可用|尺寸|格式"
    "|分辨率|账号|账户|余额|额度|时间敏感"
)

# What else has rules that can be broken.
NOT_OF_CONTENT = "rate limit*|rate polic*|validation|billing|retry policy|schema|unique"

RULES: tuple[Rule, ...] = (
    rule(
        Reason.REFUSED,
        Stage.IMAGE_REVIEW,
        codes="""image_unsafe people-in-user-uploads rh_reference_rejected public_error_ip_input_image
            public_error_prominent_people_upload input_image_moderation""",
        phrases=(
            "people-in-user-uploads",
            "uploads of images containing",
            "图片包含真人",
            "InputImageSensitiveContentDetected",
            "SAFETY.INPUT.IMAGE",
        ),
    ),
    rule(
        Reason.REFUSED,
        Stage.OUTPUT_REVIEW,
        codes="""video_unsafe rh_output_rejected public_error_unsafe_generation public_error_audio_filtered
            creationpolicyviolation output_moderation""",
        phrases=(
            "OutputVideoSensitiveContentDetected",
            "output video may contain sensitive",
            "SAFETY.OUTPUT",
            "CreationPolicyViolation",
            "PUBLIC_ERROR_UNSAFE_GENERATION",
        ),
    ),
    rule(
        Reason.REFUSED,
        Stage.PROMPT_REVIEW,
        codes="""sentinel_block sensitive_words_detected prompt_blocked prompt_unsafe rh_prompt_rejected
            auditsubmitillegal inputtextriskdetection prompt_moderation""",
        phrases=(
            "when checking inputs",
            "didn't look right with your request",
            "sensitive_words_detected",
            "InputTextSensitiveContentDetected",
            "InputTextRiskDetection",
            "SAFETY.INPUT.TEXT",
            "AuditSubmitIllegal",
        ),
    ),
    rule(
        Reason.REFUSED,
        codes="""moderation_blocked content_policy_violation content_filter datainspectionfailed moderation
            responsibleaipolicyviolation ipinfringementsuspect content_blocked content_moderation safety nsfw
            content_violation policy_violation data_inspection_failed content_filtered image_safety
            prohibited_content safety_violation guardrail guardrail_violation risk_control content_risk
            prompt_not_allowed content_not_allowed image_not_allowed illegal_content sensitive_content
            ip_infringement unsafe safety_error censored content_rejected unsafe_content
            content_moderation_failed moderated""",
        phrases=(
            "moderation_blocked",
            "moderation system",
            "similarity to third-party content",
            "content_policy_violation",
            "violate our guardrails",
            "审核未通过",
            "检测到真人",
            "违规",
            "DataInspectionFailed",
            "risk control system",
        ),
        patterns=(
            near(REVIEWERS, NOES, unless=REVIEW_BROKE),
            near(RULE_BREAKING, RULES_BROKEN, gap=48, unless=NOT_OF_CONTENT),
            then(
                "prompt*|image*|photo*|picture*|content|text|video|upload*|description|output|scene*",
                pairs(
                    "violates|violated|violate|violating|breaks|breaches|is against|goes against",
                    "polic*|the|rules|terms|safety|certain|one",
                ),
                gap=16,
                unless=NOT_OF_CONTENT,
            ),
            words(
                "content policy|contentpolicy|content polic*|usage polic*|safety polic*|prohibited use polic*"
                "|acceptable use|community guideline*|content guideline*|safety guideline*"
                "|content violation*|safety violation*|guardrails|sensitive word*|sensitive content"
                "|sensitive information|sensitive material*|sensitive data|sensitive topic*|sensitive term*"
                "|sensitive subject*|sensitive element*|sensitive image*|sensitive text|sensitive or"
                "|or sensitive|nsfw|not safe for work|third party content|third party likeness"
                "|inappropriate content|inappropriate language|inappropriate material*|inappropriate word*"
                "|inappropriate image*|inappropriate prompt*|inappropriate or|prohibited content"
                "|forbidden content|disallowed content|unsafe content|harmful content|explicit content"
                "|adult content|mature content|sexual content|sexually explicit|violent content"
                "|illegal content|offensive content|restricted content|objectionable content|toxic content"
                "|unsafe image*|unsafe prompt*|unsafe input*|unsafe output*|unsafe generation|hate speech"
                "|self harm|child exploitation|child abuse|csam|pornograph*|sexualiz*|copyright infring*"
                "|copyrighted|copyright violation*|copyright material*|photorealistic people|real people"
                "|real person*|real human*|prominent people|deepfake*|intellectual property"
                "|content restriction*|safety restriction*|safety concern*|safety reason*|responsible ai"
                "|data inspection failed|content moderated|moderated content|was moderated|been moderated"
                "|content blocked|blocked content|ip infring*|content rejected|content unsafe"
                "|moderation blocked",
                unless=(
                    "checker|crash*|failed to load|thread safety|case sensitive|not contain a real person"
                    "|service unavailable|unavailable"
                    "|policy page"
                    "|policies page"
                ),
                is_topic=True,
            ),
            then("prompt*|description|text|scene*|content|submission", "not accepted", gap=8, unless=WRONG_MEASURES),
            near(SUBJECTS, TURNED_DOWN, gap=20, unless=WRONG_MEASURES),
            near(f"{FOUND}|{MAYBE_FOUND}", UNWANTED, gap=40, unless=NOT_UNWANTED),
            near(FOUND, MAYBE_UNWANTED, gap=40, unless=NOT_UNWANTED),
            near(
                "not permitted|not allowed|isn't allowed|aren't allowed|don't allow|do not allow"
                "|not acceptable|cannot be shown|can't be shown|can't be used|cannot be used"
                "|cannot be depicted|can't be depicted|prohibited|forbidden|disallow*|not suitable"
                "|not appropriate|restricted|unacceptable|won't be shown|cannot be processed|banned",
                "prompt|prompts|content|contents|depict*|scene*|person|people|persons|faces|face|celebrit*"
                "|topic*|theme*|language|graphic|figures|likeness*|nudity|imagery|characters in|protected"
                "|famous|brand*|logo*|real",
                gap=28,
                unless=f"{WRONG_MEASURES}|key|content type|access|permission*|special char*",
            ),
            near(
                "not pass|not passed|not passing|did not pass|didn't pass|does not pass|unable to pass"
                "|not clear|failed",
                "risk|review*|inspection|image review|text review|prompt review|content check*|safety"
                "|moderation|audit*",
                gap=24,
                unless=REVIEW_BROKE,
            ),
            words(
                "protected person*|protected people|protected individual*|face match*|recognizable individual*"
                "|recognizable person|recognizable people|recognisable|identifiable individual*"
                "|person's face|people's faces|human face*|real face*|safety mechanism*|safety block*"
                "|by safety|safety filter*|harmful prompt|potentially harmful"
                "|graphic content|graphic scene*|content warning|adult theme*|mature theme*|restricted topic*"
                "|sensitive topic*|public figure*|famous people|famous person*|celebrit*|text risk|image risk"
                "|content risk|risk detected|risky content|refused to generate|refuses to generate"
                "|refused to create|refuse to|declined to|declined because|depictions of|copyright*"
                "|trademarked|protected character*|protected content|violent|violence|nudity|sexual*"
                "|offensive|obscene|objectionable|racis*|extremis*|terroris*"
                "|illegal activit*|political content|inappropriate|indecent|private individual*"
                "|without consent|well known person*|well known actor*|well known people|someone's likeness"
                "|someone else's|real life person*|require consent|safety concerns",
                unless=(
                    f"{NOT_UNWANTED}|filter unavailable|safety filter service|service unavailable"
                    "|crash*|failed to load|is none|checker failed"
                ),
                is_topic=True,
            ),
            words(
                "can't help with|cannot help with|can't assist with|cannot assist with|can't fulfill"
                "|cannot fulfill|unable to assist|unable to help with|not able to help with"
                "|not able to assist|can't create content|cannot create content|can't generate this"
                "|cannot generate this|won't generate|refuse to generate|not appropriate"
                "|policy reasons|please modify your prompt|please revise your prompt|rephrase your prompt"
                "|change your prompt|adjust your prompt|edit your prompt|revise the prompt|modify the prompt"
                "|rephrase the prompt|try a different prompt"
                "|strategy of the platform|blocked by google|blocked by openai"
                "|rejected by our|rejected by the safety",
                unless=(
                    "retry|retrying|corrupt*|damaged|duplicate|unhealthy|stale|ip address|firewall"
                    "|too long|too short|length|characters|waf|rate limit*|empty"
                ),
            ),
            near(
                "output|input|image|text|prompt|video|content",
                "risk|risky|high risk",
                gap=12,
                unless="at your own risk",
            ),
            near(FOUND_ZH, UNWANTED_ZH, gap=10, unless=NOT_UNWANTED_ZH),
            near(
                "人物|人脸|面部|真人|肖像|人像|名人|明星|儿童|未成年",
                "不予|不允许|禁止|拒绝|请更换|请勿|违规|侵权|授权",
                gap=10,
                unless="未检测到|没有检测到|未识别|无法识别|检测不到|识别不到|需要包含|必须包含|检测失败|检测服务",
            ),
            near(
                "get past|got past|make it past|made it past|get through|got through|make it through",
                "check|review*|filter*|guard*|screening|moderation",
                gap=20,
                unless=REVIEW_BROKE,
            ),
            near(
                "命中|触发|触及|撞上",
                "黑名单|关键词|词库|违禁|敏感|风控|违规|红线|安全策略|安全规则|审核规则|屏蔽",
                gap=10,
                unless="限流|频率|流控|熔断|重试|缓存|ip黑名单|系统异常|触发器",
            ),
            words("内容审核", unless=REVIEW_BROKE, is_topic=True),
            words(
                "安全原因|不适当|冒用|冒充|内容问题|不合适|不适合生成|限制词|无法展示|不予展示|擦边|软色情"
                "|涉赌|涉毒|违法违规|不健康|不文明|恶意内容|被判定为|不被允许的",
                unless="尺寸|大小|格式|比例|分辨率|时长|参数|长度",
                is_topic=True,
            ),
            near(
                "提示词|提示语|文本|内容|图片|图像|照片|视频|素材|描述|关键词|画面|输入|输出|生成结果|作品|文案|参考图",
                "拦截|屏蔽|被拒绝|被过滤|被禁止|不允许|不被允许|不许|不准|违规|违禁|不合规|不当|涉嫌|涉黄|敏感|非法"
                "|违反|不符合|不安全|被拒|禁止|侵权",
                gap=12,
                unless=(
                    "尺寸|大小|格式|分辨率|参数|比例|时长|服务|审核中|像素|长度|数量|非法参数|下载|获取|超时"
                    "|频率|余额|额度"
                ),
            ),
            near(
                "违反|违背|触犯|不符合|触碰|不遵守|侵犯",
                "政策|准则|规范|社区|法律|法规|底线|红线|公约|版权|著作权|商标|肖像|隐私|知识产权|权益",
                gap=16,
                unless="尺寸|大小|格式|参数|比例|时长|频率|分辨率|类型",
            ),
            words(
                "违禁|敏感内容|敏感信息|审核不通过|未通过审核|未能通过审核|涉黄|涉政|肖像权|真人照片|真人图片"
                "|不当内容|不良信息|含真人|文明用语|机审未|机审不|未过审|过审失败|法律法规|不被允许的内容"
                "|不适宜|不宜|内容无法生成|无法为您生成|无法生成该内容|无法生成此内容"
                "|调整描述|修改描述|修改提示词|调整提示词|更换描述|换个描述|更换提示词|优化提示词|内容风险"
                "|风险内容|涉敏|敏感人物|敏感元素|敏感图|敏感词|违规词|不良内容"
                "|限制级|콘텐츠 정책|정책을 위반|정책 위반|부적절|ポリシー|不适切|コンテンツ|нарушает",
                unless="词库|加载失败|服务异常|服务超时|服务不可用|文件损坏|模型文件",
                is_topic=True,
            ),
            words(
                "不太合适|不大合适|不太妥|不妥|欠妥|不太适合|尺度过大|尺度太大|尺度较大|尺度偏大|尺度有点|尺度大|尺度超"
                "|不给过|不让过|给不了过|过不了审|不得体",
                unless="尺寸|大小|格式|比例|分辨率|时长|参数|长度|多尺度",
                is_topic=True,
            ),
            near(
                "release|releases|release form*|consent",
                "person|people|person's|people's|depicted|likeness|individual*|model release*|signed|whoever",
                gap=32,
                unless="release notes|memory|lock|version",
            ),
            words(
                "release form*|child safety|children's safety|model release for|signed release|written consent"
                "|consent form*|isn't fit to be shown"
                "|not fit to be shown|suitable to be shown|not suitable for viewing",
                is_topic=True,
            ),
            words(
                "modération|politique de contenu|contenu inapproprié|política de contenido|políticas de contenido"
                "|contenido inapropiado|inhaltsrichtlinie*|content richtlinie*",
                is_topic=True,
            ),
        ),
    ),
)
