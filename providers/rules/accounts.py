"""What upstreams say of the account that pays and of the key that opens it."""

from providers.canonical import Reason
from providers.rules.rule import Rule, near, rule, then, words

# Only money has these names.
MONEY = (
    "balance|balances|credit|credits|fund|funds|wallet|account funds|prepaid|money|gold coins|coins"
    "|user quota|token quota|plan quota|generation points|points balance|coin|余额|积分|金币|资金|钱包|算力点"
    "|算力值|算力币|账户金额|用户额度|令牌额度|账户额度|额度|剩余额度|次数包|点券|代币|灵感值|钻石"
)
# These are also said of how often one may ask.
ALLOWANCES = (
    "quota|quotas|allowance|budget|spending|spend limit*|usage limit*|spending limit*|credit limit*"
    "|hard limit|monthly limit*|billing limit*|resource pack*|resource package*|free tier|free trial|trial"
    "|free usage|package|plan|subscription|pre consume*|points|cost limit*|usage cap|spending cap"
    "|monthly usage|resource quota|配额|点数|套餐|资源包|用量|免费次数|剩余次数|可用次数|试用"
)
ASKING_RATES = (
    "per minute|per second|per hour|per day|requests per|a minute|rpm|tpm|qps|rpd|concurren*|rate quota"
    "|request quota|rate limit quota|allocated quota|allocation quota|throttling allocation|request rate"
    "|frequency|parallel task|running task*|white balance|load balanc*|color balance|每分钟|每秒|并发|频率"
    "|速率|白平衡|requests quota|请求配额|请求额度|credit card number|gpu quota|memory quota|check quota"
    "|quota metric|calls quota|api calls|admitted|not a billing|image quota|per request|googleapis"
    "|quota increase|your rate limit|available channel*|available account*|available key*|available worker*"
    "|available node*|refund*|退回|退还|返还|已退"
)
LACK = (
    "insufficient*|not enough|exhaust*|deplet*|ran out|run out|runs out|running out|out of|used up"
    "|no remaining|no more|no available|too low|is low|low|lack|lacks|lacking|exceed*|over|consumed|negative"
    "|overdrawn|empty|is zero|zero|more|requires|no longer enough|don't have enough|doesn't have enough"
    "|not have enough|have no|has no|no|reached|expired|ended|short of|below|less than|finished|cannot cover"
    "|can't cover|does not cover|insuff*|spent|fully used|failed|unpaid|not sufficient|hit|gone|0|maxed out"
    "|deficit|required|deficient|inadequate|不足|耗尽|用尽|用完|用光|不够|没有|为零|为0|为负|透支|欠|超额"
    "|低于|已满|超出|超限|超过|已使用完|已用|不充足|到期|过期|枯竭|失败|上限|小于|消耗完|无剩余|无可用|暂无"
    "|没了|为空|缺少|告罄|花完|耗光|扣费|花光|见底|归零"
)
# With the names that are not only money's, only these words are plain enough.
PLAIN_LACK = (
    "insufficient*|not enough|exhaust*|deplet*|ran out|run out|runs out|out of|used up|no remaining|no more"
    "|exceed*|consumed|reached|expired|ended|insuff*|fully used|over|inactive|required|hit|is low|finished"
    "|lapsed|overdue|maxed out|不足|耗尽|用尽|用完|用光|不够|没有了|为零|透支|欠费|超额|超限|超出|已满|已用"
    "|不充足|到期|过期|消耗完|上限|无剩余|告罄|未付费"
)

BALANCE = rule(
    Reason.BALANCE,
    codes="""insufficient_user_quota pre_consume_token_quota_failed insufficient_quota insufficient_credits
        billing_hard_limit_reached arrearage creditinsufficient insufficient_balance billing_not_active
        quota_exceeded account_arrears accountoverdue accountoverdueerror payment_required insufficient_funds
        quota_not_enough insufficient_token_quota balance_not_enough out_of_credits no_credits""",
    phrases=(
        "额度已用尽",
        "额度不足",
        "余额不足",
        "预扣费额度失败",
        "TokenStatusExhausted",
        "insufficient_user_quota",
        "insufficient_quota",
        "insufficient quota",
        "insufficient credit",
        "insufficient balance",
        "exceeded your current quota",
        "billing hard limit",
        "exhausted balance",
    ),
    patterns=(
        near("upgrade*|renew*", "subscription|plan|tier|membership|package", gap=16),
        near(
            "payment|bill|bills|invoice*|subscription|billing|membership",
            "overdue|past due|declined|unpaid|lapsed|inactive|outstanding|not paid|cancelled|suspended|settle*",
            gap=20,
            unless="not a billing",
        ),
        near(MONEY, LACK, gap=24, unless=ASKING_RATES),
        near(ALLOWANCES, PLAIN_LACK, gap=24, unless=f"{ASKING_RATES}|plan does not|duration|seconds|context"),
        near("钱|费用|元", "不够|不足|没钱", gap=6, unless="元素|元数据|多元"),
        near("账户|账号|会员|令牌", "欠费|不足|到期|透支|费用|付费|没钱", gap=8),
        near("积分|点数|余额|额度", "仅剩|剩余|还差|差额|所需|还需", gap=8, unless="并发|频率"),
        near(
            "消费|预算|花费|费用|账单|款项|付款|支付",
            "上限|超|不足|未结清|逾期|欠|限额|未支付|失败|后恢复|后自动",
            gap=8,
        ),
        words(
            "payment needed|payment is needed|buy a plan|purchase a plan|choose a plan|arrears|arrear"
            "|arrearage|in debt|overdue payment|payment overdue|overdue balance|account overdue|overdue bill*"
            "|account is overdue|past due|unpaid invoice*|unpaid bill*|outstanding balance"
            "|outstanding invoice*|outstanding payment*|payment required|payment is required|requires payment"
            "|payment failed|payment method|payment declined|card declined|card was declined|billing"
            "|billing hard limit|billing details|billing not active|billing is not active|billing not enabled"
            "|billing disabled|billing is disabled|billing to be enabled|enable billing|billing issue*"
            "|billing problem*|billing account|billing limit|billing quota|top up|topup|recharge your"
            "|please recharge|recharge and|recharge the|recharge before|recharge account|recharge to"
            "|add credit*|add more credit*|buy credit*|buy more credit*|purchase credit*"
            "|purchase more credit*|get more credit*|add funds|add more funds|deposit funds|upgrade your plan"
            "|upgrade plan|refill|欠费|欠款|充值|续费|续订|停机|请购买|购买套餐|账单未支付|未支付|请付费"
            "|需要付费|预扣费|扣费失败|扣款失败|缴费|请升级套餐|余额为|账单未|未结清|付款后|solde insuffisant"
            "|crédits insuffisants|saldo insuficiente|créditos insuficientes|残高|クレジット|잔액|크레딧"
            "|недостаточно средств|guthaben",
            unless=(
                "not a billing|not a payment|billing address|not be billed|billing service|increase your rate limit"
                "|higher rate limit|raise your rate limit"
            ),
        ),
    ),
)

KEYS = (
    "api key*|apikey*|secret key*|access key*|accesskey*|access token|auth token|bearer token|bearer"
    "|authorization token|authentication token|security token|token|credential*|jwt|signature"
    "|authorization header|authorization|secret|app id|appid|ak|sk|app key|appkey|login|session|密钥|令牌|登录状态"
    "|登录态|登录|登陆|cookie|cookies"
    "|凭证|凭据|签名|鉴权|认证|身份验证|身份认证|授权|秘钥"
)
UNFIT = (
    "未检测到|invalid|incorrect|wrong|missing|expired|expire|revoked|disabled|malformed|not found|not valid"
    "|not recogni*|unknown|not provided|not exist|not supplied|did not provide|didn't provide|not provide|no"
    "|rejected|deactivated|deleted|failed|mismatch|does not match|not match*|inactive|suspended|blocked"
    "|banned|bad|absent|is required|required|unrecogni*|not correct|without|unauthorized|verify"
    "|could not be verified|not authorized|doesn't exist|illegal|leaked|cannot be empty|empty|must provide"
    "|provide|lack*|not active|compromised|not allowed|cannot find|unregistered|无效|错误|不合法|不正确|过期"
    "|失效|缺失|缺少|未提供|为空|不存在|禁用|停用|失败|不匹配|未授权|不可用|非法|异常|不能为空|未传|有误"
    "|验证不通过|不通过|未通过|被吊销|已删除|封禁|冻结|没有|未找到|不对|未携带|撤销"
)
NOT_KEYS = (
    "prompt token*|token limit|tokens|max token*|token count|unexpected token|json|parse|parsing|position"
    "|context length|available key|available channel|channel key*|no_available|渠道密钥|可用的渠道|无可用"
    "|rate limit*|requests per|callback|upload token|page token|next token|secret sauce|image*|no longer supported"
    "|no longer available|no longer exist*"
    "|continuation|quota|额度|照片|肖像|人物|人像|图里|图中|图片"
)

AUTH = rule(
    Reason.AUTH,
    codes="""invalid_api_key invalidapikey authentication_error unauthorized permission_denied access_denied
        invalid_token token_expired permission_error unauthenticated forbidden invalid_credentials missing_api_key
        invalid_authentication auth_failed account_deactivated unsupported_country_region_territory
        authenticationerror accessdenied signaturedoesnotmatch incorrect_api_key api_key_invalid""",
    phrases=(
        "无效的令牌",
        "令牌不合法",
        "未提供令牌",
        "令牌已过期",
        "令牌状态不可用",
        "无权访问",
        "无权使用",
        "incorrect api key",
        "invalid api key",
        "must be verified",
    ),
    patterns=(
        near(KEYS, UNFIT, gap=20, unless=NOT_KEYS),
        then(
            "invalid|expired|revoked|disabled|incorrect|wrong|unknown|bad",
            "key",
            gap=8,
            unless="such as|json|field|param*|body|keyword*|key frame*|keyframe*|primary|object|key in|key:",
        ),
        words(
            "invalid grant|invalid client|missing scope*|required scope*|correct role|required role"
            "|member of an organization|member of the organization|login fail*|carry the api|token status"
            "|unauthorized|unauthorised|unauthenticated|not authenticated|not authorized|not authorised"
            "|authentication|forbidden|access denied|access is denied|permission denied|no permission*"
            "|no access|lack permission*|insufficient permission*|insufficient privilege*|insufficient scope*"
            "|missing permission*|not permitted to|do not have permission|don't have permission"
            "|does not have permission|doesn't have permission|not have permission*|without permission"
            "|not have access|don't have access|doesn't have access|required permission*|permission error"
            "|must be verified|not been verified|verify your organization|identity verification|log in"
            "|login required|please login|sign in|ip whitelist|ip allowlist|not in whitelist"
            "|not in the whitelist|not whitelisted|not allowed to access|not allowed to use|not entitled"
            "|not subscribed to|country, region, or territory|region is not supported|country not supported"
            "|invalid user|user not found|user is locked|account is locked",
            unless=(
                "image*|photo|picture|download*|fetch*|url|media|asset|exist or you|does not exist"
                "|words|callback|likeness*|person's|cameo*|its owner|rights holder*|celebrit*"
            ),
        ),
        near(
            "account|organization|user|workspace|tenant|channel|app|application|project",
            "disabled|suspended|banned|deactivated|locked|not active|deleted|inactive|frozen|terminated"
            "|restricted|not verified|not activated|closed|blocked|unverified",
            gap=16,
            unless="image*|content|prompt*|policy reasons|upload*|channel closed|application closed|requests by",
        ),
        words(
            "未授权|无权|没有权限|无权限|权限不足|权限错误|缺少权限|权限校验|权限验证|暂无权限|鉴权|未登录"
            "|请先登录|请登录|重新登录|未认证|未实名|实名认证|白名单|无访问权限|未开通权限|没有访问权"
            "|禁止访问|访问被拒绝|未获授权|拒绝访问|无法鉴权|clé api|apiキー|api キー|api 키|clave de api"
            "|api schlüssel|whitelisting policy|ip whitelisting"
        ),
        then(
            "key|keys|api key|apikey",
            "disabled|revoked|expired|deleted|deactivated|invalid|blocked|not found|not recogni*|suspended"
            "|has been|无效|错误|过期|失效|不存在|禁用|有误|不正确|停用|被删",
            gap=24,
            unless=(
                "such as|json|field|param*|body|keyword*|key frame*|keyframe*|primary|object|available|rate limit*"
            ),
        ),
        near(
            "access",
            "restricted|not granted|disabled|revoked|not enabled|requires approval|not available to|limited to",
            gap=32,
            unless="image*|url|file|media|download*",
        ),
        near(
            "ip|ip address|ips|来源地址|来源ip",
            "not allowed|blocked|denied|restricted|not authorized|whitelist*|allowlist*|banned|不在|未授权"
            "|受限|限制|不允许|拒绝|未加入",
            gap=20,
            unless="infring*|intellectual|content|copyright*|character*|知名ip|侵权",
        ),
        near("检查|核对|确认|校验", "api key|apikey|密钥|令牌|token|凭证|鉴权|key", gap=8, unless="参数|渠道密钥"),
        words(
            "could not validate credential*|validate credential*|not logged in|check your api key"
            "|check the api key|verify your api key|check your key|check your credential*|valid api key"
            "|api key is valid|correct api key"
        ),
        near("没有|无|缺少|缺乏|未开通|不具备|未获", "权限|使用权", gap=12),
        near(
            "账号|账户|用户|组织",
            "封禁|禁用|冻结|停用|异常|被封|锁定|注销|未激活|不存在|封停|已禁|受限|未实名|风控",
            gap=10,
        ),
        near("模型|接口|分组|渠道|服务", "未开通|未授权|没有权限|无权限|权限不足|无权|不允许访问", gap=10),
    ),
)

RULES: tuple[Rule, ...] = (BALANCE, AUTH)
