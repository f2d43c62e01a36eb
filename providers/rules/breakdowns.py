"""What upstreams say when they broke down, and say no more than that: known words that prove nothing."""

from providers.canonical import Reason
from providers.rules.rule import Rule, near, rule, words

RULES: tuple[Rule, ...] = (
    rule(
        Reason.INTERNAL,
        codes="""internal_error internalerror internal_server_error server_error service_error generation_failed
            generation_failed_no_content unknown_error task_failed api_error internal internalservererror
            internalserviceerror video_generation_failed processing_error unknown processing_failed""",
        patterns=(
            words(
                "unexpected failure*|internal error*|internal server error|internal service error"
                "|internal failure|server error*|system error*|unknown error*|unexpected error*"
                "|unexpected problem|something went wrong|went wrong|an error occurred|error occurred"
                "|error has occurred|crash*|panic|nil pointer|null pointer|nullpointer*|exception|traceback"
                "|runtime error*|segmentation fault|segfault|core dumped|out of memory|oom|oomkilled|cuda"
                "|gpu memory|goroutine|not a function"
                "|assertion|stack trace|fatal error|unhandled|undefined is not|cannot read propert*"
                "|attribute error|key error|index error|type error|worker died|worker lost|node failure"
                "|hardware|killed|aborted|exit code|terminated|expired|service error|backend error"
                "|model error|inference error|inference failed|unrecoverable|unable to complete"
            ),
            near(
                "generat*|task|job|processing|process|render*|inference|pipeline|encod*|transcod*|video"
                "|creation|request|model|operation|upstream|execution|synthesis|save|upload|upsampling"
                "|storage|postprocess*|result|worker|diffusion",
                "fail*|error*|unsuccessful*|could not|cannot|unable|crash*|abort*|interrupt*|died|stopped|lost",
                gap=24,
            ),
            words(
                "内部错误|内部异常|系统错误|系统异常|系统故障|服务异常|服务错误|服务器错误|服务器异常"
                "|服务器内部|未知错误|未知异常|未知原因|任务失败|处理失败|运行错误|执行失败|生成失败|生成异常"
                "|生成错误|生成出错|渲染失败|合成失败|出错了|程序异常|发生错误|发生异常|失败|崩溃|异常|超时"
                "|出错|故障|错误|显存|内存|显卡|掉线|宕机|进程"
            ),
        ),
    ),
)
