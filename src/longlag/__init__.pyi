__all__: list[str]

from .adapters.models.user_model import adopt as adopt
from .checks.model import preflight as preflight
from .encodings import (
    OneHot as OneHot,
    Scaled as Scaled,
)
from .framings import (
    Chunks as Chunks,
    EncoderDecoder as EncoderDecoder,
    Prefix as Prefix,
    Vector as Vector,
    Whole as Whole,
    Window as Window,
)
from .live.notebook import play as play
from .maps import audit as audit
from .models import (
    GRU as GRU,
    LRU as LRU,
    LSTM as LSTM,
    LSTM1997 as LSTM1997,
    MLP as MLP,
    MLSTM as MLSTM,
    RNN as RNN,
    SLSTM as SLSTM,
    S4D as S4D,
    Bidirectional as Bidirectional,
    MinGRU as MinGRU,
    MinLSTM as MinLSTM,
    Residual as Residual,
    Mamba as Mamba,
    DeltaNet as DeltaNet,
    Seq2Seq as Seq2Seq,
    Sizes as Sizes,
    TCN as TCN,
    Transformer as Transformer,
)
from .problems import (
    Adding as Adding,
    AssociativeRecall as AssociativeRecall,
    CopyingMemory as CopyingMemory,
    CountOnes as CountOnes,
    CountingLanguage as CountingLanguage,
    CumulativeThreshold as CumulativeThreshold,
    CycleNavigation as CycleNavigation,
    Duplicate as Duplicate,
    Dyck as Dyck,
    EchoLag as EchoLag,
    EchoSubsequence as EchoSubsequence,
    EchoValue as EchoValue,
    EmbeddedReber as EmbeddedReber,
    FlipFlop as FlipFlop,
    Induction as Induction,
    LongLags as LongLags,
    Majority as Majority,
    Memorization as Memorization,
    ModularArithmetic as ModularArithmetic,
    Multiplication as Multiplication,
    NoiseAndSignal as NoiseAndSignal,
    Parity as Parity,
    Ramp as Ramp,
    RandomLags as RandomLags,
    Repeat as Repeat,
    Reverse as Reverse,
    SelectiveCopying as SelectiveCopying,
    Series as Series,
    Sort as Sort,
    TemporalOrder as TemporalOrder,
    WordProblem as WordProblem,
)
from .scores.score import (
    Score as Score,
    score as score,
)
from .store.store import Store as Store
from .studies.citation import cite as cite
from .studies.compare import compare as compare
from .studies.frontier import frontier as frontier
from .studies.generalisation import generalise as generalise
from .studies.plan import plan as plan
from .studies.profile import profile as profile
from .studies.suite import suite as suite
from .studies.suite_baselines import suite_baselines as suite_baselines
from .studies.train import train as train
from .training import (
    Loss as Loss,
    Recipe as Recipe,
    fit as fit,
)
from .trials.checkpoint import (
    Trained as Trained,
    load as load,
)
from .trials.diagnosis import diagnose as diagnose
from .trials.run import Run as Run
from .trials.setting import Setting as Setting
from .trials.tuning import (
    Search as Search,
    tune as tune,
)
