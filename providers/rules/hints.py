"""The last resort: words no other row knows that speak of what a video shows, and not of the machines that make it.

A refusal must never be taken for a breakdown, because a breakdown is tried again elsewhere. What is read by these rows
counts as unrecognised all the same, so that somebody sees it and gives it a row of its own.
"""

from providers.canonical import Reason
from providers.rules.rule import near, pairs, rule, words

# What machines are said to do, or to be, in words that are also said of people and scenes.
MACHINES = (
    "try again later|retry later|please retry|many frames|leader|master|quorum|flag --*|option --*|process"
    "|processes|thread*|worker*"
    "|container*|pod|pods|kubernetes|node|nodes|server|servers|cluster|gpu*|cuda"
    "|driver*|kernel|memory|disk|cache*|queue*|database|table|column|foreign key|constraint*|primary key|sql|schema"
    "|firewall|waf|proxy|dns|port|socket|connection*|network|tls|ssl|cors|bucket|iam|retry policy|retry polic*"
    "|retention polic*|cache polic*|scaling polic*|lifecycle polic*|restart policy|exception|traceback|stack trace"
    "|runtime|null pointer|undefined|assertion|segfault|signal|exit code|exit status|exited|killed|sigkill|sigterm"
    "|crash*|core dump*|timeout|timed out|failed to load|could not be loaded|not loaded|checkpoint*|weights"
    "|model file"
    "|model failed|library|module*|package*|dependency|version*|codec*|ffmpeg|encoder|decoder|muxer|frame rate"
    "|character limit|character set|character encoding|characters long|special character*|unicode|utf|api version"
    "|endpoint*|webhook*|callback*|config*|environment|deploy*|maintenance|lock|deadlock|mutex|semaphore|shard*"
    "|replica*|partition*|scheduler|orchestrator|pipeline*|service unavailable|unreachable|temporar*|at the moment"
    "|right now|internal error|unknown error|unexpected error|job id|task id|url|link|upload failed|download*|file"
    "|file type|mime|bytes|resolution|dimension*|aspect ratio|format|too many|rate limit*|quota|balance|credit*|json"
)
MACHINES_ZH = (
    "模型文件|文件损坏|重启|系统异常|服务异常|服务超时|审核服务|过滤器异常|检测服务|检测超时|检测失败|加载失败"
    "|模型加载|拦截器|触发器"
    "|限流"
    "|频率"
    "|缓存|命中率|重试次数|重试上限|重试失败|重试耗尽|自动重试|触发重试|加密|进程|线程|节点|服务器|数据库|网络|连接"
    "|超时|端口|防火墙|超出长度|格式|尺寸|分辨率|下载|内存"
    "|显存|版本|配置|接口|队列|熔断|降级|任务超时|引擎|脚本异常|回调|部署"
)

# Whoever says it will not, rather than that it failed to.
UNWILLING = (
    "can't|cannot|can not|won't|will not|unable to|not able to|do not|don't|not permitted to|not allowed to"
    "|aren't allowed to|isn't allowed to|not going to|must not|may not|refus*|declin*|never|agreed not to"
    "|not possible to"
    "|could not|couldn't|isn't something|is not something|prefer not to|would rather not|no"
)
DEEDS = (
    "depict*|portray*|help with|help you|assist with|assist you|fulfil*|comply with this|comply with your|go along"
    "|imitat*"
    "|impersonat*|recreate|animate|illustrate|visualize|do that|continue with this|proceed with this|use this photo"
    "|use this image|use this picture|use that photo|use photos of|work with this|we can make|we make|we do here"
    "|we offer"
    "|"
    + pairs(
        "create|creating|generate|generating|make|making|produce|producing|show|showing|draw|render|film|do",
        "this video|this clip|this scene|this content|this kind|this type|this sort|this image|this picture"
        "|this person"
        "|this one|that kind|that scene|that video|such|these|people|scenes|videos of|images of|something like"
        "|videos like"
        "|anything|any content",
    )
)
# Nobody speaks of these but who has looked at what a video shows.
TOPICS = (
    "politician*|president|prime minister|head of state|heads of state|celebrit*|public figure*|famous"
    "|well known person"
    "|real person*|real people|actual person|actual people|real individual*|living person*|deceased|royal*"
    "|influencer*"
    "|someone's|somebody's|somebody else|another person's|people's likeness|person's likeness|likeness*|consent"
    "|consented"
    "|right of publicity|personality rights|privacy|private person|agreed to be|permission of the person|release form"
    "|underage|minors|a minor|young girl*|young boy*|schoolgirl*|school uniform*|toddler*|infant*|baby|babies|teen"
    "|teens"
    "|teenage*|child safety|children|weapon*|firearm*|gun|guns|rifle*|explosive*|bomb|bombs|grenade*|ammunition"
    "|violen*"
    "|gore|gory|blood|bloody|bloodshed|wound*|corpse*|dead bod*|murder*|massacre*|beheading|torture|brutal*|cruelty"
    "|suicid*|self harm*|self injur*|eating disorder*|nude*|nudity|naked|topless|undress*|lingerie|underwear|bikini*"
    "|swimsuit*|cleavage|sexual*|sexy|sex|seductive|suggestive|provocative|erotic*|fetish*|porn*|intimate|lewd"
    "|kissing"
    "|drug*|cocaine|heroin|cannabis|marijuana|narcotic*|tobacco|cigarette*|smoking|vaping|alcohol*|gambl*|casino*"
    "|betting"
    "|lottery|hate|hateful|hatred|slur|slurs|racis*|racial*|ethnic*|nazi*|swastika*|extremis*|terroris*|propaganda"
    "|election*|electoral|political*|politics|campaign ad*|protest*|religio*|blasphem*|prophet|war crime*|atrocit*"
    "|copyright*|trademark*|brand|brands|brand guard|branded|logo|logos|intellectual property|rights holder*"
    "|rightsholder*"
    "|rights owner*|rights management|license holder|franchise*|disney|marvel|pixar|pokemon|nintendo|superhero*"
    "|cartoon character*|fictional character*|protected character*|known character*|licensed character*"
    "|movie character*"
    "|anime character*|artist's style|living artist*|in the style of|scam*|fraud*|phishing|counterfeit*|forger*"
    "|medical advice|medical claim*|health claim*|health advice|financial advice|investment advice|legal advice"
    "|misinformation|disinformation|conspirac*|fake news|deepfake*|deep fake*|face swap*|faceswap*|harass*|bully*"
    "|defam*"
    "|profan*|insult*|offensive|shocking|disturbing|gruesome|graphic content|graphic imagery|mature content"
    "|mature theme*|mature scene*|mature audience*|tasteless|obscen*"
    "|vulgar|humiliat*|degrading|dehumani*|abuse|abusive|animal cruelty|cheating|dangerous act*|dangerous stunt*"
    "|stunts"
    "|illegal act*|criminal*|crime|crimes|kidnap*|poison*|inappropriate|family friendly|all audiences|community"
    "|values"
    "|ethic*|morally|moral|decency|respectful|sensitive topic*|sensitive matter*|sensitive nature"
    "|sensitive subject*|taboo|upsetting|viewers|licensed|not agree|blocklist*|block list*|banned words|our guard"
    "|our classifier|human reviewer*|reviewer*|the model refused to do|the model has refused|model refused this"
    "|model refused your|model refused the|in your region|under 18|under eighteen|below 18|passport*|id card*"
    "|identity document*|personal document*|prompt guard|guard tripped|guard said|jailbreak*|prompt injection"
    "|suspicious prompt|bypass our|bypass the filter*|bypassing|image safety|recitation|risk level|risk score"
    "|content score|spicy|wholesome|melody|private people|their permission|living people|real company|company name"
    "|flags of|content settings|suggestion: block|blocked: other|infringe*|infringing|isn't something"
    "|is not something|not something|something i can|i can't|i cannot|i'm unable|i am unable|i won't|i will not"
    "|i'm not able|i am not able|sorry, but i|as an ai|language model|cameo|imitat*|resembl*|similarity to"
    "|sounds like|existing works|voice clone*|cloned voice|known voice|because of the people|the people in"
    "|person shown|person in the|people shown|very young|looks young|appears young|appears to be a minor"
    "|protected voice|protected persona|persona is|protected song|protected music|get past the|got past|past our"
    "|past the check|could not verify the person|face we|harmful|safety rules|house rules|our rules"
    "|our terms"
    "|terms of service|terms of use|content rules|content standards|content team|what we allow|we don't allow"
    "|we do not allow|not something we|against the rules|allowed content"
)
# These are also said of machines, so they need somebody who says no.
DOUBTFUL = (
    "people|person|persons|man|woman|women|girl*|boy*|kid|kids|child|face|faces|portrait*|character*|figure*|name"
    "|names"
    "|scene*|theme*|topic*|subject*|concept*|idea|prompt|description|wording|picture|photo*|image*|clip|footage"
    "|generation|creation|submission|request|job|task|video|content|war|military|soldier*|police|kill*|fight*|dead"
    "|death"
    "|money|flag|church|god|style|song|lyrics|music|voice|song's|body|bodies|skin"
)
SAID_NO = (
    "refused|declined|vetoed|turned down|turned away|held back|withheld|not released|not delivered|not acceptable"
    "|unacceptable|not appropriate|not suitable|unsuitable|disallowed|off limits|not okay|not ok|forbidden|banned"
    "|barred|objected|objection*|objectionable|crosses|crossed|too explicit|too graphic|too revealing|too violent"
    "|too dark|too realistic|too similar|too close to|resembl*|looks like a real|looks too much like|not permitted"
    "|not allowed|isn't allowed|aren't allowed|can't be shown|cannot be shown|can't be used|cannot be used"
    "|can't appear|cannot appear|must not appear|may not appear|not be depicted|taken down|removed by|stopped by"
    "|can't be animated|cannot be animated|can't mention|cannot mention|can't include|cannot include|not eligible"
    "|not available for use|not rendered|not authorised|not approve|didn't approve|did not approve|by law"
    "|too intense|too spicy|too high|too risky|too realistic|said no|bypass*|suspicious|may show|appears to be"
    "|appear to be|seems to be|suppressed|blurred|redacted|denied by|rejected by|filtered|flagged|screened out"
    "|screened"
)
ADVICE = (
    "try something else|describe something else|choose something else|make something else|ask for something else"
    "|with something else|describe something|describing something|another idea|different idea|different prompt"
    "|another prompt"
    "|new prompt|different description|another description|different scene|another scene|different subject"
    "|another subject"
    "|different topic|another topic|different concept|another concept|different theme|different wording"
    "|another wording"
    "|different words|other words|different person|different photo|another photo|different picture|another picture"
    "|change your prompt|change the prompt|change your description|change the description|change your wording"
    "|change the wording|edit your description|edit the prompt|edit your prompt|adjust your prompt|adjust the prompt"
    "|adjust your description|adjust the description|adjust the wording|adjust your wording|revise*|reword*|rewrit*"
    "|rewrite*|rephras*|reformulat*|reconsider|tone it down|tone down|soften|remove the name*|remove names|remove any"
    "|remove the reference*|remove references|remove the person|remove the people|remove the brand*|leave out"
    "|without naming|without names|avoid naming|avoid mention*|avoid using names|use a generic|generic name*"
    "|generic description|fictional person|fictional name|original character*|keep it clean|safe for work"
    "|more appropriate"
    "|appropriate for|choose another|pick another|pick something|try another image|try another picture"
)
PICTURES = "different photo|another photo|different picture|another picture|different image|another image"
WRONG_PICTURE = "decod*|corrupt*|damaged|readable|larger|smaller|size|sizes|load*|open*|expired|broken|frames"
OUR_WAYS = (
    "we don't|we do not|we won't|we will not|we never|we aren't going to|we are not going to|we're not going to|i don't"
)
OUR_WORK = pairs(
    "make|do|create|generate|produce|offer|animate|render",
    "clips|videos|content|films|footage|scenes|anything|stuff|things|those|that|any",
)
# How one keeps away from what one does not want to name.
DISTANCE = (
    "stay away from|stays away from|staying away from|steer clear|steers clear|keep away from|has to go|have to go"
    "|off limits|off the table|crosses a line|crosses the line|cross a line|cross the line|crossed a line"
    "|crossed the line|goes too far|going too far|too far for|a step too far|not the kind of thing"
    "|not the sort of thing|not a fit for|isn't a fit|isn't suitable|is not suitable|aren't suitable|not suitable"
    "|unsuitable|isn't fit|not fit for|not fit to|can't show it|cannot show it|can't share it|cannot share it"
    "|can't release it|isn't cleared|not cleared for|famous names|known names|one we avoid|we avoid|kinder|gentler"
    "|milder|tamer|more harmless"
    "|harmless ideas|stick to|may not want to be|be part of this|take part in this|photo of yourself"
    "|of yourself instead"
    "|people who agreed|who never agreed|never said yes|names must be taken out|names must go"
)
MODEL_REFUSED = "model refused|model refuses|model declined|model declines|refused by the model|declined by the model"
MODEL_BROKE = "to load|to start|to boot|to initiali*|to compile|to converge|to connect"

SHOWN_ZH = (
    "描述|提示词|提示语|图片|照片|参考图|这张图|画面|人物|角色|形象|声音|音色|的脸|内容|题材|主题|剧情|文案|文字"
    "|创意|素材|作品|图里|图中"
)
NOT_LIKED_ZH = (
    "有问题|不能用|不可用于|换|更换|改改|改一改|修改|调整|不可描述|不被允许|不允许|太像|相似|雷同|受保护|露点|打回"
    "|毙|扣下"
    "|不宜|被禁|禁用|不支持|不接受|不欢迎|不妥|不行|不得|拒|删|违"
)
TURNED_DOWN_ZH = (
    "涉及|侵害|公约|公德|权益|拒绝了你|为你创作|为您创作|为你生成|广告|此类服务|含有|换个思路|换一种描述|描述方式"
    "|别人的脸|现有作品|不可描述|真实存在的人|不良|暴恐|涉黑|涉外|时政|负面|露点|题材"
    "|此类内容|该类内容|这类内容|类内容|不支持展示|不予展示|不便展示|被禁|高危|放行|不能用来|不能用于|文明"
    "|问题人物|被判|拒绝了该|拒绝了您|拒绝该请求|拒绝处理|不做这|我们不做|没有授权|没授权|换个描述"
    "|换一个描述|换种描述|换张图|换一张|换个图|换图|换个提示|换个主题|换一个主题|换个话题|换个内容|换内容"
    "|换个词|换词"
    "|换种说法|换一种说法|换个说法|换个场景|换个人物|换个角色|换个创意|改一下描述|改下描述|改描述|改提示|改写|改词"
    "|措辞"
    "|用词|别画|别写|别用|不能画|不画|不给画|不让画|画不了|做不了这|不做这|不给做|不让做|不给生成|不让生成|不敢生成"
    "|不给出"
    "|尺度|太露|露骨|过火|暴露|裸|血腥|暴力|性感|擦边|不给过|不让过|没过审|过不了|没给过|被拦|拦下|拦住|拦截|被毙"
    "|毙了"
    "|触发风控|触发审|触发安全|触发敏感|触发违|触发屏蔽|命中|屏蔽|黑名单|敏感|和谐|违禁|不合适|不合规矩|不雅|不妥"
    "|不得体"
    "|不能生成这|无法生成这|不能生成该|无法生成该|不能生成此|无法生成此|不可生成|不得生成|不允许生成|禁止生成"
    "|不予生成"
    "|拒绝生成|拒绝出图|拒绝创作|拒绝制作|不能出现|不得出现|不可出现|不允许出现|禁止出现|不要出现|请勿出现|不得涉及"
    "|不要涉及|请勿涉及|帮不了|无法协助|不能协助|无法帮|不能帮|恕难|政治|宗教|民族|领导人|国旗|军人|警察|名人|明星"
    "|艺人"
    "|网红|真人|本人|肖像|授权书|未经同意|未经授权的肖像|未成年|儿童|小孩|孩子|枪|刀具|武器|毒品|赌博|烟草|酒精|自杀"
    "|自残|迷信|谣言|虚假|诈骗|医疗|投资建议|品牌|商标|版权|动漫形象|角色形象|卡通形象|知名形象|ip形象|侵权|低俗|恶搞"
    "|丑化|歧视|仇恨|辱骂|脏话|引人不适|令人不适|恐怖|惊悚|灵异|三俗|价值观|公序良俗|导向|监管|网信|下架"
    "|恕不|太黄|不能说|不可说|涉密|国格|军装|警服|本人许可|英烈|烈士|先烈|英雄|国歌|国徽|党旗|亵渎|侮辱|抹黑|歪曲"
    "|诋毁|不敬|不尊重|造谣|传谣|历史虚无|拜金|炫富|宣扬"
    "|活儿不接|我们不接|不接这|这单不接|这活|不接此类|没同意|未同意|不同意|出镜|视频不做|内容不做|题材不做|不碰"
)

# Whoever speaks of a review without a word of what broke in it.
REVIEWERS = (
    "prohibited|banned|disallowed|human review|public person*|visualis*|is reserved|moderation|moderated|safety"
    "|guard|guardrail*|reviewers|reviewed|review team|content filter*|content polic*"
    "|polic*|guideline*"
    "|compliance|responsible ai|brand safety"
)
REVIEW_BROKE = (
    "guard page|guard condition*|guard clause*|interlock|watchdog|is none|checker|margin|safe mode|health|crash*"
    "|unreachable|backend|service|engine|unavailable|failed to load"
    "|not loaded"
    "|autoscaling"
    "|model|bundle|prevented start|deleted|evict*|scheduling|preempt*|backoff|failed to start|restart*"
)
REVIEWERS_ZH = "审核|审查|风控|鉴黄|机审|人审|内容安全|安全策略|合规|监管|违规|敏感"
REVIEW_BROKE_ZH = "维护|未响应|丢失|崩溃|排队|积压|故障|不可用|异常|超时|接口|回调|系统|模块|服务|加密|参数"

RULE = rule(
    Reason.REFUSED,
    patterns=(
        words(TOPICS, unless=MACHINES),
        words(ADVICE, unless=MACHINES),
        near("choose|select|pick|use|upload|try|provide|send|switch to", PICTURES, gap=12, unless=WRONG_PICTURE),
        near(OUR_WAYS, OUR_WORK, gap=12, unless=MACHINES),
        words(DISTANCE, unless=f"{MACHINES}|index"),
        words(MODEL_REFUSED, unless=f"{MACHINES}|{MODEL_BROKE}"),
        near(UNWILLING, DEEDS, gap=24, unless=MACHINES),
        near(DOUBTFUL, SAID_NO, gap=40, unless=MACHINES),
        words(TURNED_DOWN_ZH, unless=MACHINES_ZH),
        words(REVIEWERS, unless=f"{MACHINES}|{REVIEW_BROKE}"),
        words(REVIEWERS_ZH, unless=f"{MACHINES_ZH}|{REVIEW_BROKE_ZH}"),
        near(SHOWN_ZH, NOT_LIKED_ZH, gap=8, unless=f"{MACHINES_ZH}|模型|文件|地址|字段"),
    ),
)
