#!/usr/bin/env python3
"""The load of waves, computed apart from the program, for the numbers in plan/*.yaml. docs/capacity.md has the formulas.

Units: minutes, requests per second, messages. Nothing but the standard library; nothing is read from the program.
"""
import hashlib
import math
import uuid


def F(x, m, s):
    """Log-normal distribution function."""
    return 0.0 if x <= 0 else 0.5 * math.erfc(math.log(m / x) / (s * math.sqrt(2)))


class Wave:
    def __init__(self, recipients, rate=2000.0, k=((0.4, 15.0, 2.0),), start=0.0, margin=1.0):
        self.n, self.r, self.k, self.a, self.margin = recipients, rate, k, start, margin
        self.b = start + recipients / (60 * rate)

    def at(self, t):
        return self.margin * self.r * sum(K * (F(t - self.a, m, s) - F(t - self.b, m, s)) for K, m, s in self.k)

    def peak(self):
        """On a grid of a tenth of a second, far finer than the operator's own."""
        span = self.b - self.a + 5
        return max(self.at(self.a + i / 600) for i in range(1, int(span * 600) + 2))

    def tail(self):
        """When 5 % of the peak are left, at most a day after the end."""
        p = self.peak() * 0.05
        lo, hi = self.b, self.b + 1440
        if self.at(hi) > p:
            return hi
        for _ in range(100):
            mid = (lo + hi) / 2
            lo, hi = (mid, hi) if self.at(mid) > p else (lo, mid)
        return hi


def measured(waves, sample_age_s, range_s, lag_s=30):
    """min L over [sample - range - lag, sample]."""
    ages = [sample_age_s + i for i in range(0, range_s + lag_s + 1)]
    return min(sum(w.at(-age / 60) for w in waves) for age in ages)


def entry(send, wave):
    text = f"headroom/1\0{send}\0{wave}".encode()
    slug = send.translate(str.maketrans("/._", "---"))
    space = uuid.uuid5(uuid.NAMESPACE_DNS, "headroom.dev")
    key = uuid.uuid5(space, text.decode())
    return f"{slug}-{wave}-{hashlib.sha256(text).hexdigest()[:12]}", str(key)
