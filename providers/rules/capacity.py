"""What upstreams say when there are too many of us, or too few of them."""

from providers.canonical import Reason
from providers.rules.rule import Rule, near, rule, words

RATE_LIMITED = rule(
    Reason.RATE_LIMITED,
    codes="""rate_limit_exceeded rate_limit_error too_many_requests token_concurrency_limit_reached
        resource_exhausted rate_limited ratelimiterror rate_limit rate_limit_reached concurrency_limit_exceeded
        requestlimitexceeded throttled throttling throttlingexception flowlimitexceeded tpm_limit_exceeded""",
    phrases=(
        "负载已饱和",
        "请求数限制",
        "rate limit",
        "too many requests",
        "too many running tasks",
        "parallel task over resource pack limit",
        "Throttling.",
        "upstream load is saturated",
    ),
    patterns=(
        words(
            "rate limit*|ratelimit*|rate limited|too many requests|too many concurrent*|too many running"
            "|too many pending|too many active|too many parallel|too many simultaneous|too many tasks"
            "|too many jobs|too many calls|too many attempts|too many videos|too many generations"
            "|too many queries|too many in flight|too many submissions|too frequent*|too quickly|too fast"
            "|throttl*|slow down|per minute|per second|requests per|rpm|tpm|qps|rate exceeded|request rate"
            "|parallel task|in flight requests|load is saturated|load saturated|load is already saturated"
            "|upstream load|requests too many|making requests|sending requests|backoff|back off|cooldown"
            "|cool down|cooling down|limit requests|requests limit|request limit*|requests rate|burst"
            "|retry after|concurrent request*|concurrent task*|concurrent job*|concurrent generation*"
            "|concurrent video*|request frequency|reduce the frequency|reduce your request*|reduce request*"
            "|fewer requests|queue of your|your queue|user queue|account queue|wait for one|wait for your"
            "|wait until one|resource has been exhausted|resource exhausted|check quota",
            unless="frames per second|frame per second|fps|burst mode",
        ),
        near(
            "concurren*|parallel|simultaneous*|in progress tasks|running tasks|running jobs|active tasks"
            "|active jobs|pending tasks|pending jobs|queued tasks|queued jobs|request frequency"
            "|call frequency|frequency|request count|number of requests|requests|calls per|tasks in progress"
            "|jobs in progress|generations in progress|request volume|daily requests|traffic",
            "limit*|exceed*|maximum|max|reached|full|too high|too many|over|allowed|at a time|at once|allows"
            "|cap|only|up to|wait|too large",
            gap=36,
            unless="images|characters|pixels|seconds long|payload|body|entity|request entity",
        ),
        near(
            "only|limit*|max|maximum|more than|up to|exceed*|cannot run|can't run",
            "at the same time|at once|simultaneously|at a time|in parallel|concurrently",
            gap=48,
            unless="image*|frames|characters",
        ),
        near(
            "already",
            "in progress|running|being processed|being generated|in the queue|active|pending|processing",
            gap=28,
        ),
        words(
            "负载已饱和|负载饱和|请求过于频繁|过于频繁|太频繁|频繁|频率过|频率超|频率限制|频率受限|频率策略|频率规则"
            "|频率控制|频控|频次|限流"
            "|限频|限速|流控|流量控制|速率限制|速率超|速率过|超速|并发|每分钟|每秒|请求数限制|请求数超"
            "|请求数过|请求数已|请求次数|请求过多|请求太多|请求量过|请求过快|请求太快|请求频率|调用频率"
            "|调用次数|访问频率|操作过快|任务数超|任务数已|任务数量已|任务数量超|任务数上限|任务过多|同时进行"
            "|同时运行|同时生成|进行中的任务|排队任务数|用户队列|降低请求|稍后重试频率|超过限额请求|太密|密集|请放慢"
            "|请慢|过快|太快|请间隔|レート制限|リクエストが多|trop de requêtes|demasiadas solicitudes"
            "|요청이 너무|zu viele anfragen|слишком много запросов"
        ),
    ),
    # new-api, also as 500 and 502
    openings=("当前分组上游负载已饱和", "current group upstream load (?:is )?(?:already )?saturated"),
)

OVERLOADED = rule(
    Reason.OVERLOADED,
    codes="channel:no_available_key",
    phrases=(
        "无可用渠道",
        "可用渠道失败",
        "no available account",
        "no available channel",
        "no_available_key",
        "engine is currently overloaded",
    ),
    patterns=(
        words(
            "unable to accept|cannot accept|can't accept|not accepting|scheduling failure|overload*"
            "|over load*|over capacity|at capacity|at full capacity|full capacity|no capacity|out of capacity"
            "|insufficient capacity|not enough capacity|lack of capacity|capacity limit*|capacity exceeded"
            "|capacity constraint*|capacity is|capacity has|capacity available|limited capacity"
            "|model capacity|server capacity|gpu capacity|too busy|is busy|are busy|server busy|system busy"
            "|service busy|busy|high demand|heavy demand|peak demand|increased demand|unprecedented demand"
            "|high load|heavy load|high traffic|heavy traffic|under load|under heavy|high volume|saturated"
            "|fully booked|service unavailable|temporarily unavailable|currently unavailable|is unavailable"
            "|are unavailable|unavailable|temporarily not available|temporarily disabled"
            "|temporarily suspended|unavailable at the moment|maintenance|no healthy upstream|no healthy"
            "|no live upstreams|no instance*|no workers|no worker|no gpu*|no server*|no nodes|no backend*"
            "|no provider*|no channel*|no upstream*|no account*|no resource*|no endpoint*|no free|no idle"
            "|queue is full|queue full|full queue|queue is too long|queue overflow|queue length"
            "|backlog|out of gpu*|gpu shortage|compute shortage|resource shortage|insufficient gpus"
            "|insufficient compute|insufficient resource*|insufficient server*"
            "|not enough gpu*|not enough resource*|not enough compute"
            "|resources are exhausted|resources exhausted|compute resources|degraded|being scaled|scaling up"
            "|warming up|cold start|all channels|all accounts|all workers|all servers|under pressure"
            "|server is full|slots available|no slot*",
            unless=(
                "audio|balance|video is unavailable|image is unavailable|in your region|for your account"
                "|resource pack*|url|busy background|busy street|legal reasons|token status|no account found"
                "|your account has no|capacity building"
            ),
        ),
        near(
            "resources|resource|compute|gpu|gpus|servers|machines|workers|capacity",
            "not sufficient|insufficient|exhausted|not enough|shortage|limited|all in use|in use|occupied"
            "|constrained|scarce|full",
            gap=20,
            unless="resource pack*|quota|balance|credit*|out of memory|cuda|gpu memory",
        ),
        near("backend|server|servers|cluster|system|pool", "full", gap=8),
        near("渠道|通道|节点|账号池|机器|号池", "不可用|已空|耗尽|失效|离线|下线|用尽", gap=8, unless="密钥|额度"),
        near(
            "no available|none available|not available|no free|no idle|no active|no usable|no healthy"
            "|cannot find available|unable to find available|no eligible|no suitable",
            "channel*|account*|worker*|gpu*|instance*|node*|resource*|server*|backend*|provider*|upstream*"
            "|key|keys|endpoint*|capacity|slot*|machine*|runner*|compute|replica*",
            gap=16,
        ),
        words(
            "繁忙|忙碌|太忙|过忙|正忙|负载过|负载较|负载已满|负载高|高负载|负载压力|过载|超负荷|满负荷"
            "|排队人数|排队过|队列已满|队列过|队列满|资源不足|资源紧张|资源已满|资源耗尽|资源受限|算力不足"
            "|算力紧张|算力已满|算力资源|显卡不足|显卡紧张|显卡资源|显卡已满|显卡占满|容量不足|容量已满|产能|无可用"
            "|没有可用|暂无可用|无空闲"
            "|没有空闲|服务不可用|服务暂不可用|服务暂时不可用|暂时不可用|暂不可用|暂停服务|服务暂停|维护"
            "|压力过大|压力较大|服务器压力|拥挤|拥堵|高峰|爆满|人数过多|使用人数|流量过大|流量过高|访问量过大"
            "|访问量大|当前排队|无法分配|可用渠道失败|不可用渠道|渠道不可用|渠道已满|满载|排队已满|排队满"
            "|账号池|号池|暂停接|暂停提交|暂不接受|暂无资源|暂无渠道|暂无账号|爆仓|混み合|过负荷|ビジー"
            "|과부하|surchargé|sobrecargado|überlastet|перегружен",
            unless="令牌状态不可用|账号异常|账号余额|维护版权",
        ),
    ),
    # new-api's zh-CN.yaml and en.yaml (HTTP 503, forks 500 or 200), a grok relay's 500, OpenAI's 503
    openings=(
        "分组.{1,300}?无可用渠道",
        "获取分组.{1,300}?可用渠道失败",
        "no available channel for model ",
        "failed to get available channels? for model ",
        r"no available accounts?\b",
        "the engine is currently overloaded",
    ),
)

# A code of its own for machines that are too busy, beside the name of HTTP 429.
OVERLOADED_BY_NAME = rule(
    Reason.OVERLOADED,
    patterns=(words("server overloaded|model overloaded|engine overloaded|service overloaded"),),
)

# Too little memory to begin with; a job that it ended has crashed.
OUT_OF_MEMORY = rule(
    Reason.OVERLOADED,
    patterns=(
        near("memory|vram", "insufficient|not enough|not sufficient|shortage|exhausted|in use", gap=20),
        words("显存不足|显存已满|显存紧张"),
    ),
    ends_jobs=False,
)

# The rates come before loads: whoever says both says that this account must wait.
RULES: tuple[Rule, ...] = (OVERLOADED_BY_NAME, RATE_LIMITED, OVERLOADED, OUT_OF_MEMORY)
