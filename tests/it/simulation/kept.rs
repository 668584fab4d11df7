//! Seeds in which a promise was once broken, with what it came from. They are played for ever.

use super::run;

/// The seed, and what was found by it.
const KEPT: [(u64, &str); 28] = [
    (23, "a wave that left in 2.8 s had its soak told with a fraction, and the same status was written every minute"),
    (51, "the same, after a connection had broken"),
    (10, "the same, after a crash"),
    (
        13,
        "another operator took a claim that was newer than the pool it had read for a leftover, and took the floor away",
    ),
    (131, "a Campaign deleted and applied again was confirmed by what had been seen for the one before it"),
    (355, "a floor that was only somebody's own value was written again above the cap, after he had lowered it"),
    (1368, "the same, in a silence in which nobody can say what is needed"),
    (
        482,
        "a smooth send without an end goes on for longer than a story does, which is no defect: the checker knows it now",
    ),
    (
        3233,
        "our own floor, without its note and about to be raised, was taken for a rival's value and given back to him",
    ),
    (4564, "somebody set the very value of our floor, by way of another one, and the value of before was given back"),
    (2777, "a value that had been given back to somebody was written over a fourth time, his field without our note"),
    (
        8199,
        "the operator's clock was set by a minute while that of Prometheus was off by the same minute, and a wave went before its \
         window: no clock contradicts the other, which is no defect: the checker knows it now",
    ),
    (
        13072,
        "a part of a smooth send was chosen anew at the very instant at which it was to go, and put off by a quarter of an hour",
    ),
    (
        21585,
        "a part of a smooth send went a quarter of an hour after the one before had left and been watched, which is no defect: the \
         checker counts these minutes now",
    ),
    (
        8723,
        "of two clocks of Prometheus that were wrong at once the one by a second was shown and the one by an hour was held against it, \
         which is no defect: the world shows the one that is furthest out now",
    ),
    (
        17_418,
        "a floor was lowered as ordinary demand fell in the middle of a send, which is no defect: the checker counts what the sends \
         alone bring now, and not what was there beside them as they began",
    ),
    (
        26_250,
        "somebody who had taken our note away set the very value of our floor, and it was raised over his a fourth time",
    ),
    (
        1806,
        "a replica that did not lead any more wrote a floor by a claim as it had been, and its count on the target went back by one",
    ),
    (
        34_012,
        "a wave left five seconds after its entry was made, as its last look took so long, and its soak was counted from the entry",
    ),
    (17, "who waits for a change was woken in an order of chance, and no story was told twice alike"),
    (
        36_314,
        "a floor that was to be lowered, by an operator that died, was lowered by the next one after the sensor had fallen silent",
    ),
    (
        36_967,
        "a wave was tried again at 900 messages per second, and its soak was counted as if it had left at the 2,000 of its first try",
    ),
    (
        47_892,
        "a receiver that keeps keys for ten minutes answered 429, and was asked for the same wave again a quarter of an hour later",
    ),
    (
        51_743,
        "the program of a Job began 75 s after it was made, and in between somebody had deleted the workload, which is no defect: the \
         checker counts from when it was made",
    ),
    (
        66_269,
        "an operator died of its first write of a floor, and somebody took note and floor away before any other looked, which nobody can \
         tell from a floor that is yet to be written: the checker allows one more where operators die",
    ),
    (
        76_243,
        "a rival lowered a floor in a silence, and it was written again above the cap, which its owner had lowered meanwhile",
    ),
    (77_500, "the same"),
    (81_912, "the same"),
];

/// So many of them were found before receivers gave any guarantee.
const OLD: usize = 14;

/// Whether a seed is one of these: it is told as it was when the defect was found.
pub fn is_old(seed: u64) -> bool {
    KEPT[..OLD].iter().any(|(kept, _)| *kept == seed)
}

#[test]
fn what_was_once_broken_holds() {
    let broken: Vec<String> =
        KEPT.iter().filter_map(|(seed, what)| run::judge(*seed).err().map(|why| format!("{what}\n{why}"))).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
}
