"""Lessons: pairs of setups that differ in little, one that breaks and one that works."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple


class Side(NamedTuple):
    """One side of a lesson: its knobs, and the verdict that its training ends with."""

    knobs: dict[str, str]
    verdict: str
    audit: str = "learnable"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lesson:
    """A lesson.

    Attributes:
        name: As `--lesson` takes it.
        title: Its title.
        text: Paragraphs.
        breaks, works: The two setups.
        attempt: Something to try.
        question: A question to end with.
        answer: An answer to it, which the page unfolds.
    """

    name: str
    title: str
    text: tuple[str, ...]
    breaks: Side
    works: Side
    attempt: str
    question: str
    answer: str

    @property
    def differs(self) -> list[str]:
        """The knobs in which the two sides differ."""
        names = dict.fromkeys([*self.breaks.knobs, *self.works.knobs])
        return [n for n in names if self.breaks.knobs.get(n) != self.works.knobs.get(n)]

    def document(self) -> dict[str, Any]:
        """The lesson as the page has it."""
        return {
            "name": self.name,
            "title": self.title,
            "text": list(self.text),
            "try": self.attempt,
            "question": self.question,
            "answer": self.answer,
            "breaks": self.breaks._asdict(),
            "works": self.works._asdict(),
            "differs": self.differs,
        }


_ECHO = {"problem": "echo-lag", "values": "10", "learning-rate": "0.01"}
_CHUNKS = {**_ECHO, "framing": "chunks", "length": "12"}
_WINDOW = {**_ECHO, "framing": "window", "length": "12"}
_WHOLE = {**_ECHO, "framing": "whole"}
_STATEFUL = {**_CHUNKS, "lag": "1", "carry": "true", "batch-size": "6"}
_NO_GRADIENT = {**_CHUNKS, "lag": "2", "carry": "true"}
_ONE_ANSWER = {**_WHOLE, "lag": "1", "length": "20", "sequences": "600"}
_MISSING = {
    "problem": "echo-lag",
    "framing": "window",
    "sequences": "1000",
    "batch-size": "10",
    "learning-rate": "0.003",
}
_SUM = {"problem": "cumulative-threshold", "context": "1", "learning-rate": "0.01"}
_SCALED = {**_WHOLE, "lag": "1", "encoding": "scaled"}
_MLP = {**_WINDOW, "lag": "2", "timesteps": "5", "model": "mlp"}
_ANSWER = {
    "problem": "echo-subsequence",
    "framing": "encoder-decoder",
    "model": "seq2seq",
    "learning-rate": "0.01",
    "sequences": "4000",
}
_FUTURE = {"problem": "memorization", "learning-rate": "0.01"}
_RATE = {"problem": "echo-lag", "lag": "2", "values": "10", "model": "rnn", "seeds": "3"}

_ALL = (
    Lesson(
        name="one-value",
        title="Can an LSTM read one value at a time?",
        text=(
            "An LSTM has a memory, so why not show it one step at a time? Here each step is a "
            "sample of its own, and the state starts from zero in each. The target is the value "
            "of the step before. The curve stays at chance, 0.1.",
            "Look at the maps: each target needs the input of the step before, and sees only its "
            "own. With lag 0 the target is the input of the same step. The two maps agree, and "
            "the curve rises to 1. Unless its state is carried, an LSTM remembers nothing from "
            "before its sample.",
        ),
        breaks=Side({**_CHUNKS, "timesteps": "1", "lag": "1"}, "at chance", "unreachable"),
        works=Side({**_CHUNKS, "timesteps": "1", "lag": "0"}, "solved"),
        attempt="Leave lag at 1 and set timesteps to 2. Which targets now see the step before? "
        "Look at the maps and at the best possible score.",
        question="What else, apart from longer samples, could bring the step before to the LSTM?",
        answer="Carried state: the state at the end of one sample is where the next begins. "
        "Lesson 2 shows what else that needs.",
    ),
    Lesson(
        name="beginners-mistake",
        title="Why does my stateful LSTM not learn?",
        text=(
            "One step in each sample, stateful=True: the state should carry the value over. "
            "It never does. Keras keeps one state for each place in the batch: "
            "sample i goes on from sample i of the batch before, six steps ago, not from sample "
            "i − 1. The orange squares in the map of what it sees show that.",
            "Two options change. With parallel rows each place in the batch has a sequence of its "
            "own, so the state of the step before arrives. With two timesteps a gradient reaches "
            "that step. In Keras: batch_shape=(6, 2, 10), sample i of each batch from sequence i, "
            "reset_states() after each sequence. A window works too: lesson 3.",
        ),
        breaks=Side(
            {**_STATEFUL, "timesteps": "1", "rows": "consecutive"}, "at chance", "unreachable"
        ),
        works=Side({**_STATEFUL, "timesteps": "2", "rows": "parallel"}, "solved"),
        attempt="Set rows to parallel but leave timesteps at 1: the value is now in sight, and yet "
        "no gradient reaches it. How far does luck alone bring the curve?",
        question="Why does a state that is carried not teach the network what to carry?",
        answer="A gradient stops where a sample begins. With one step in a sample, no error "
        "of step t ever reaches what the network stored at step t − 1, so nothing "
        "teaches it what to store.",
    ),
    Lesson(
        name="window",
        title="How long must a window be?",
        text=(
            "A window of 5 timesteps shows the last 5 values and nothing else. The target is the "
            "value of 6 steps ago. In the maps, what is needed lies just outside the band of what "
            "is seen. The audit says so before any training, and the curve stays at chance.",
            "A window of 7 timesteps begins with the value of 6 steps ago. The band of what is "
            "seen now covers what is needed. The LSTM has to keep that value for six steps, and "
            "it learns to: the curve climbs to 1.",
        ),
        breaks=Side({**_WINDOW, "lag": "6", "timesteps": "5"}, "at chance", "unreachable"),
        works=Side({**_WINDOW, "lag": "6", "timesteps": "7"}, "solved"),
        attempt="Before you train, guess the verdict for 6 timesteps. Then compare the maps.",
        question="How would you choose the length of a window for data whose lag you do not know?",
        answer="Make it long, and shorten it while the score on fresh data stays the same. "
        "An autocorrelation of the targets with the inputs gives a first guess.",
    ),
    Lesson(
        name="one-answer",
        title="One answer, or one at each step?",
        text=(
            "Here the network gives one answer, after the last step: the value of the step "
            "before. The maps have one row with a target. Each sequence of 20 steps corrects the "
            "network once, and after 600 sequences the curve is still far from 1.",
            "With echo-lag the network answers the same question at each step but the first. The "
            "same 600 sequences now correct it 19 times each, and all steps share their weights. "
            "The maps have 19 rows, and the curve reaches 1.",
        ),
        breaks=Side({**_ONE_ANSWER, "problem": "echo-value"}, "partly learned"),
        works=Side(_ONE_ANSWER, "solved"),
        attempt="Give the side with one answer more sequences: 2000, then 4000. How many does it "
        "need to reach 1?",
        question="Your data has one label a sequence. What else could the network predict on the "
        "way?",
        answer="Anything that the answer is made of: the next value, a running sum, the "
        "label so far. Each of them is one more error that a gradient can use.",
    ),
    Lesson(
        name="how-far",
        title="How far back can it look?",
        text=(
            "The target is the value of 12 steps ago. It is in the sample, and the map of what it "
            "learns covers it: the audit says learnable. But the curve ends far below 1. The "
            "gradient fades on its way back over 12 steps, and the state must hold 12 values at "
            "once.",
            "With lag 2 the same network reaches 1 with the same sequences. The audit says whether "
            "something can be learned at all; how long that takes, only training tells. Move "
            "through the training to see when the predictions turn right.",
        ),
        breaks=Side({**_WHOLE, "lag": "12"}, "partly learned"),
        works=Side({**_WHOLE, "lag": "2"}, "solved"),
        attempt="Raise lag one by one, from 2 on. Where does the curve no longer reach 1?",
        question="For a longer lag, would you first change the sequences, the units or the "
        "learning rate?",
        answer="The learning rate, since it costs nothing; then more sequences. Units help "
        "only where the state is too small for what it must hold.",
    ),
    Lesson(
        name="no-gradient",
        title="Is it enough to carry the state?",
        text=(
            "In pieces of one step, with a state that is carried from piece to piece, the value of "
            "2 steps ago can arrive: the map of what it sees is full up to the diagonal. The map "
            "of what it learns is not. A gradient stops where a piece begins, so nothing trains "
            "the network to store that value.",
            "What arrives is what random weights happen to let through, and the curve stays low. "
            "In pieces of 6 steps, a gradient goes back 2 steps from four steps of each "
            "piece. All steps share their weights, so the other two gain as well.",
        ),
        breaks=Side({**_NO_GRADIENT, "timesteps": "1"}, "partly learned", "state-only"),
        works=Side({**_NO_GRADIENT, "timesteps": "6"}, "solved"),
        attempt="Set timesteps to 2, then to 3. From which on does the map of what it learns "
        "cover a need?",
        question="What does truncated back-propagation cut off, and what does it let through?",
        answer="It cuts each gradient at the beginning of a piece. The state, and so the "
        "inputs of all steps before, come through; what was stored there cannot be "
        "corrected.",
    ),
    Lesson(
        name="mark-or-mask",
        title="Should I mark or mask missing steps?",
        text=(
            "The first windows of a sequence have fewer than 5 values. With mask the LSTM skips "
            "the missing steps, so these windows are shorter sequences: the first answer comes "
            "after two values, not after five. Only 3 of 24 windows are like that. Look at the "
            "first predictions: most mistakes are there.",
            "With mark each missing step shows -1. All windows then have five steps, and what the "
            "LSTM learns from full windows also serves the short ones. The curve reaches 1. "
            "Masks are not wrong: they need more sequences, since their windows are rare.",
        ),
        breaks=Side({**_MISSING, "missing": "mask"}, "partly learned"),
        works=Side({**_MISSING, "missing": "mark"}, "solved"),
        attempt="On the side with mask, set sequences to 4000. Do the first predictions catch up?",
        question="When would -1 be a bad mark?",
        answer="Where −1 is an ordinary value of the data, or where it is far from the "
        "others: then it moves the scale of the inputs.",
    ),
    Lesson(
        name="better-than-guessing",
        title="Is 0.9 a good score?",
        text=(
            "Has the sum of the inputs passed the threshold? This network sees one input at a "
            "time and is right at 55 steps of 100, which sounds like something. But "
            "late steps are nearly all past the threshold: a rule that counts steps and looks at "
            "no input is right at 89. That line is chance.",
            "The LSTM sees all inputs up to the step and can add them up. It ends above "
            "the line, though not yet at 1. Read each score between these two lines, chance and "
            "ceiling: 0.89 sounds good, and is worth nothing here.",
        ),
        breaks=Side({**_SUM, "model": "mlp"}, "below chance", "unreachable"),
        works=Side({**_SUM, "model": "lstm"}, "partly learned"),
        attempt="Choose the mlp and leave its context empty, so that it sees all steps. Where "
        "does its curve end?",
        question="What is the best score on your own data of a rule that looks at no input?",
        answer="Take the most frequent answer of each step of the training data, and score "
        "it on fresh data. Your model must beat that.",
    ),
    Lesson(
        name="copies-and-means",
        title="Why does it always predict the mean?",
        text=(
            "The target is the value of the step before, as one number on a scale from 0 to 9. "
            "Look at the predictions: nearly all lie from 3 to 6, whatever the input. With a "
            "squared error the mean is the safest guess for a network that has not found the input "
            "that matters. A network learns the mean first.",
            "At a learning rate of 0.0002 training ends there. At 0.01 the loss soon falls "
            "below that of the mean, the predictions spread, and the score rises. "
            "The figures beside the score say what copies and constants reach: compare before "
            "you praise a forecast.",
        ),
        breaks=Side({**_SCALED, "learning-rate": "0.0002"}, "partly learned"),
        works=Side({**_SCALED, "learning-rate": "0.01"}, "solved"),
        attempt="Set the learning rate to 0.001 and move through the training: when do "
        "the predictions leave the mean?",
        question="Your forecast is a flat line. Which inputs would it need, and does it see them?",
        answer="Those that the target follows from. If they are in the sample, look at the "
        "learning rate and the loss of the mean; if they are not, no training helps.",
    ),
    Lesson(
        name="need-an-lstm",
        title="Do I need an LSTM?",
        text=(
            "An MLP has no memory. This one gets a window of 5 steps but, with context 1, "
            "reads only the last of them. The value of 2 steps ago is not among what it sees, "
            "and the curve stays at chance.",
            "With context 5 it reads the whole window side by side, as 5 features in place of 5 "
            "timesteps. It needs no memory, since all it needs is before it at once. The curve "
            "reaches 1 in a moment. Where a short window holds the answer, try an MLP first.",
        ),
        breaks=Side({**_MLP, "context": "1"}, "at chance", "unreachable"),
        works=Side({**_MLP, "context": "5"}, "solved"),
        attempt="Choose the lstm as the model, with the same window. Does it learn faster or more "
        "slowly than the MLP?",
        question="What can an LSTM do that no MLP with a window can?",
        answer="Use something from before any window: its state goes on for as long as the "
        "sequence does.",
    ),
    Lesson(
        name="with-and-without-the-answer",
        title="Why is it good in training and bad in use?",
        text=(
            "The network reads five values, then says them again one by one. In training it gets "
            "the right value before each next one, as a prompt. In use there is none: it goes on "
            "from its own words, and one wrong word misleads the next. The score of fresh "
            "sequences lies well below the curve.",
            "With count 1 it says only the first value. There is no word before it, so training "
            "and use are the same, and the score agrees with the curve. The longer the answer, "
            "the further the two can part.",
        ),
        breaks=Side({**_ANSWER, "count": "5"}, "partly learned"),
        works=Side({**_ANSWER, "count": "1"}, "solved"),
        attempt="Turn attention on, with count 5. Does the score come closer to the curve?",
        question="Which of the two numbers would you report, and why?",
        answer="That of fresh sequences: in use nobody whispers the right value before.",
    ),
    Lesson(
        name="seeing-the-future",
        title="Is a bidirectional LSTM cheating?",
        text=(
            "The target is the next value of the sequence. A bidirectional LSTM reads each "
            "sample from both ends, so the next value is among its inputs. The map of what it "
            "sees is full, also above the diagonal, and the audit warns: its score of 1 does not "
            "say what it remembers.",
            "The LSTM gets 1 as well, and sees nothing above the diagonal: whatever it answers, it "
            "has read before. So its score is about memory: at the last step it must still know "
            "the first value. After training, compare the maps of what the two use.",
        ),
        breaks=Side({**_FUTURE, "model": "bidirectional"}, "solved"),
        works=Side({**_FUTURE, "model": "lstm"}, "solved"),
        attempt="Set length to 10 and contexts to 10 on both sides. Which network still gets "
        "above chance?",
        question="For which tasks is it fair to read a sequence from both ends?",
        answer="Those whose whole sequence is there before the answer is due, such as a "
        "label for a text. Not for a forecast.",
    ),
    Lesson(
        name="seeds-and-rates",
        title="Which learning rate, and how many seeds?",
        text=(
            "Three networks, equal but for their first random weights. At a learning rate of 0.03 "
            "each update of this RNN goes too far: the curves jump, fall back, and end low, each "
            "somewhere else. One of them alone would tell you little.",
            "At 0.003 all three curves climb to 1 together. Nothing else has changed: not the "
            "maps, not the network, not the data. A score that depends on the seed is often a "
            "sign of the wrong rate. Try a few rates before you blame the model.",
        ),
        breaks=Side({**_RATE, "learning-rate": "0.03"}, "partly learned"),
        works=Side({**_RATE, "learning-rate": "0.003"}, "solved"),
        attempt="Keep 0.03 and set clip norm to 1. Do the curves still jump?",
        question="How many seeds would convince you that one model is better than another?",
        answer="Enough that the intervals of the two do not overlap; four or five for a "
        "large difference, more for a small one.",
    ),
    Lesson(
        name="how-many-units",
        title="How many units does it need?",
        text=(
            "The state is all that an LSTM has of the past. To answer for lag 2 it must hold two "
            "values at a time, each one of ten. With 2 units there is too little room: the curve "
            "flattens out early, and more training does not help much.",
            "With 30 units the curve reaches 1. Compare the gates: 2 rows there, 30 rows here, one "
            "for each unit. The maps are the same on both sides, since the audit asks which "
            "inputs can arrive, not how much room there is for them.",
        ),
        breaks=Side({**_WHOLE, "lag": "2", "hidden-size": "2"}, "partly learned"),
        works=Side({**_WHOLE, "lag": "2", "hidden-size": "30"}, "solved"),
        attempt="Look for the smallest number of units whose curve still reaches 1. Then set "
        "values to 20: is it still enough?",
        question="Would you double the units or the sequences first, and which curve would tell "
        "you?",
        answer="Look at both ends of the curve: if it still rises, more sequences; if it is "
        "flat below the ceiling, more units.",
    ),
)
LESSONS = {lesson.name: lesson for lesson in _ALL}
"""The lessons by name, in their order."""
