//! How each field that is a text with a form is written, told by hand: what is taken, what is refused, and how long it
//! can be made. The patterns of the definitions are not read here; they are what is held against this.

/// A form of text.
pub struct Form {
    /// Taken.
    pub good: &'static [&'static str],
    /// Refused.
    pub bad: &'static [&'static str],
    /// Makes one of exactly so many characters; none where the form itself sets the length.
    pub fill: Option<fn(usize) -> String>,
}

/// Any text.
pub const FREE: Form = Form { good: &[], bad: &[], fill: Some(|length| "x".repeat(length)) };

const SPAN: Form = Form {
    good: &["0s", "10m", "1h30m", "36h", "400d", "800ms"],
    bad: &["", "10", "m", "10 m", "-5m", "1.5h", "10M", "m10", "10m "],
    fill: Some(|length| "1".repeat(length - 1) + "s"),
};
const RATE: Form = Form {
    good: &["100/s", "60000/min", "5/h", "0.5/s"],
    bad: &["", "100", "100/S", "100 /s", "/s", "-1/s", "1e3/s", "100/sec", ".5/s", "1,000/s", "x100/s"],
    fill: Some(|length| "1".repeat(length - 2) + "/s"),
};
const PERCENT: Form = Form {
    good: &["0%", "75%", "2.5%"],
    bad: &["", "75", "75 %", "%", "-1%", ".5%", "2.%", "75%%", "0.025"],
    fill: Some(|length| "1".repeat(length - 1) + "%"),
};
const UTILIZATION: Form = Form {
    good: &["1%", "9.5%", "70%", "84.9%", "85%"],
    bad: &["", "0%", "0.5%", "85.1%", "86%", "90%", "100%", "70", "07%"],
    fill: Some(|length| format!("70.{}%", "0".repeat(length - 4))),
};
const MARGIN: Form = Form {
    good: &["1", "1.66", "2.3", "10", "99.9"],
    bad: &["", "0", "0.5", "100", "1.", "1,5", "-1", "1.66x"],
    fill: Some(|length| format!("1.{}", "0".repeat(length - 2))),
};
const STEP: Form =
    Form { good: &["1%", "10%", "99%", "100%"], bad: &["", "0%", "101%", "110%", "1.5%", "10", "010%"], fill: None };
const THRESHOLD: Form = Form {
    good: &["0", "1%", "800ms", "5/s", "0.05", "2s", "3m"],
    bad: &["", "much", "-1", "1 %", "5/min", "1h", "%", ".5", "1%%"],
    fill: Some(|length| "1".repeat(length - 1) + "%"),
};
const LABEL: Form = Form {
    good: &["a", "0", "web-1"],
    bad: &["", "-a", "a-", "A", "a_b", "a.b", "a b"],
    fill: Some(|length| "a".repeat(length)),
};
const SERIES_LABEL: Form = Form {
    good: &["pod", "_", "kubernetes_pod_name", "Pod2"],
    bad: &["", "2pod", "a-b", "a.b", "a b", "pod=", "pod}"],
    fill: Some(|length| "a".repeat(length)),
};
const OPEN_NAME: Form = Form {
    good: &["a", "email", "web-push2"],
    bad: &["", "E-Mail", "e-Mail", "1a", "-a", "a_b", "a b"],
    fill: Some(|length| "a".repeat(length)),
};
const ZONE: Form = Form {
    good: &["UTC", "Europe/Berlin", "Etc/GMT+1", "America/Port-au-Prince"],
    bad: &["", "+01:00", "Europe/ Berlin", "1A", "Europe/Berlin;"],
    fill: Some(|length| "A".repeat(length)),
};
const INSTANT: Form = Form {
    good: &[
        "2027-03-19T18:00",
        "2027-03-19T18:00:30",
        "2027-03-19T18:00Z",
        "2027-12-31T23:59-05:00",
        "2027-03-19T18:00:00+01:00",
    ],
    bad: &[
        "",
        "tomorrow",
        "2027-03-19",
        "2027-03-19 18:00",
        "27-03-19T18:00",
        "2027-13-01T00:00",
        "2027-00-01T00:00",
        "2027-01-32T00:00",
        "2027-01-00T00:00",
        "2027-01-01T24:00",
        "2027-01-01T00:60",
        "2027-01-01T00:00+1:00",
        "2027-01-01T00:00 CET",
    ],
    fill: None,
};
const ABSOLUTE: Form = Form {
    good: &["2027-11-26T00:00:00Z", "2027-11-26T00:00Z", "2027-11-26T23:59:59+01:00"],
    bad: &["", "2027-11-26T00:00:00", "2027-11-26", "2027-11-26T24:00:00Z", "2027-13-26T00:00:00Z", "tomorrow"],
    fill: None,
};
const RESERVE: Form = Form {
    good: &["0%", "9.5%", "20%", "99%", "99.9%"],
    bad: &["", "100%", "120%", "20", "-1%", "2.%", "020%"],
    fill: Some(|length| format!("20.{}%", "0".repeat(length - 4))),
};
const SIGMA: Form = Form {
    good: &["0.5", "2.4", "9"],
    bad: &["", "10", "-1", "2.", "2,4", "x"],
    fill: Some(|length| format!("1.{}", "0".repeat(length - 2))),
};
const LINKS: Form = Form {
    good: &["0", "0.09", "3", "15.5"],
    bad: &["", "100", "-1", "2.", "2,4", "x"],
    fill: Some(|length| format!("1.{}", "0".repeat(length - 2))),
};
const DAYS: Form = Form {
    good: &["Mon", "Sun", "Mon-Fri", "Sat-Tue"],
    bad: &["", "mon", "Funday", "Monday", "Mon-", "Mon-Fun", "Mon,Tue"],
    fill: None,
};
const FROM: Form =
    Form { good: &["00:00", "09:30", "23:59"], bad: &["", "9:00", "24:00", "12:60", "0900", "09:00 "], fill: None };
const TO: Form =
    Form { good: &["00:30", "23:59", "24:00"], bad: &["", "9:00", "24:01", "25:00", "12:60", "1800"], fill: None };
const SEND_ID: Form = Form {
    good: &["a", "marketing/sale-1", "a/b.c_d"],
    bad: &["", "UPPER/x", "/a", "a/", "a b", "a:b"],
    fill: Some(|length| "a".repeat(length)),
};
const HEADER: Form = Form {
    good: &["Authorization", "X-1"],
    bad: &["", "bad header", "a_b", "a:b", "a\nb"],
    fill: Some(|length| "a".repeat(length)),
};
const URL: Form = Form {
    good: &["https://mail.internal/send", "http://mail:8080", "http://[::1]:80/x?y=1", "https://mail/a@b"],
    bad: &[
        "",
        "mail/send",
        "ftp://mail/send",
        "https://user:pass@mail/send",
        "https://mail/send#x",
        "https://",
        "https:///x",
        "https://mail?x",
    ],
    fill: Some(|length| format!("https://a/{}", "x".repeat(length - 10))),
};
const ADDRESS: Form = Form {
    good: &["http://prometheus:9090", "https://prometheus/tenant/a"],
    bad: &["", "prometheus:9090", "ftp://p", "http://user@p", "http://p?x=1", "http://p#x", "http://"],
    fill: Some(|length| format!("https://a/{}", "x".repeat(length - 10))),
};

/// The fields that have a form. One that has a pattern and is not here fails the test, and so does the reverse.
const FORMS: [(&str, &str, &Form); 72] = [
    ("Campaign", "spec.after[].check", &LABEL),
    ("Campaign", "spec.audience.class", &OPEN_NAME),
    ("Campaign", "spec.channel", &OPEN_NAME),
    ("Campaign", "spec.load.peak", &RATE),
    ("Campaign", "spec.load.responseMedian", &SPAN),
    ("Campaign", "spec.load.visitRate", &PERCENT),
    ("Campaign", "spec.maxSendRate", &RATE),
    ("Campaign", "spec.schedule.end", &INSTANT),
    ("Campaign", "spec.schedule.start", &INSTANT),
    ("Campaign", "spec.schedule.timeZone", &ZONE),
    ("Campaign", "spec.schedule.windows[].days[]", &DAYS),
    ("Campaign", "spec.schedule.windows[].from", &FROM),
    ("Campaign", "spec.schedule.windows[].to", &TO),
    ("Campaign", "spec.sendId", &SEND_ID),
    ("Campaign", "spec.waves[].name", &LABEL),
    ("Campaign", "spec.waves[].soak", &SPAN),
    ("Campaign", "spec.waves[].timeZone", &ZONE),
    ("Campaign", "spec.waves[].windows[].days[]", &DAYS),
    ("Campaign", "spec.waves[].windows[].from", &FROM),
    ("Campaign", "spec.waves[].windows[].to", &TO),
    ("CapacityPool", "spec.admission.freezes[].from", &ABSOLUTE),
    ("CapacityPool", "spec.admission.freezes[].to", &ABSOLUTE),
    ("CapacityPool", "spec.checks[].max", &THRESHOLD),
    ("CapacityPool", "spec.checks[].min", &THRESHOLD),
    ("CapacityPool", "spec.checks[].name", &LABEL),
    ("CapacityPool", "spec.confirm.span", &SPAN),
    ("CapacityPool", "spec.guardrails[].for", &SPAN),
    ("CapacityPool", "spec.guardrails[].max", &THRESHOLD),
    ("CapacityPool", "spec.guardrails[].min", &THRESHOLD),
    ("CapacityPool", "spec.guardrails[].name", &LABEL),
    ("CapacityPool", "spec.limits[].max", &THRESHOLD),
    ("CapacityPool", "spec.limits[].name", &LABEL),
    ("CapacityPool", "spec.loadMargin", &MARGIN),
    ("CapacityPool", "spec.maxPrescaleLead", &SPAN),
    ("CapacityPool", "spec.profiles[].channel", &OPEN_NAME),
    ("CapacityPool", "spec.profiles[].class", &OPEN_NAME),
    ("CapacityPool", "spec.profiles[].responseMedian", &SPAN),
    ("CapacityPool", "spec.profiles[].responseSigma", &SIGMA),
    ("CapacityPool", "spec.profiles[].scannedLinks", &LINKS),
    ("CapacityPool", "spec.profiles[].visitRate", &PERCENT),
    ("CapacityPool", "spec.prometheus.address", &ADDRESS),
    ("CapacityPool", "spec.reserve", &RESERVE),
    ("CapacityPool", "spec.scaleDown.hold", &SPAN),
    ("CapacityPool", "spec.scaleDown.maxHold", &SPAN),
    ("CapacityPool", "spec.scaleDown.step", &STEP),
    ("CapacityPool", "spec.sensor.maxSampleAge", &SPAN),
    ("CapacityPool", "spec.sensor.minCoverage", &STEP),
    ("CapacityPool", "spec.targetUtilization", &UTILIZATION),
    ("CapacityPool", "spec.waves[].name", &LABEL),
    ("CapacityPool", "spec.waves[].soak", &SPAN),
    ("CapacityPool", "spec.waves[].timeZone", &ZONE),
    ("CapacityPool", "spec.waves[].windows[].days[]", &DAYS),
    ("CapacityPool", "spec.waves[].windows[].from", &FROM),
    ("CapacityPool", "spec.waves[].windows[].to", &TO),
    ("CapacityPool", "spec.workloads[].capacityPerReplica", &RATE),
    ("CapacityPool", "spec.workloads[].demand.coverage.podLabel", &SERIES_LABEL),
    ("CapacityPool", "spec.guardrails[].plausible.max", &THRESHOLD),
    ("CapacityPool", "spec.guardrails[].plausible.min", &THRESHOLD),
    ("CapacityPool", "spec.limits[].plausible.max", &THRESHOLD),
    ("CapacityPool", "spec.limits[].plausible.min", &THRESHOLD),
    ("CapacityPool", "spec.workloads[].demand.plausible.max", &THRESHOLD),
    ("CapacityPool", "spec.workloads[].demand.plausible.min", &THRESHOLD),
    ("CapacityPool", "spec.workloads[].demand.peak", &RATE),
    ("CapacityPool", "spec.workloads[].name", &LABEL),
    ("Sender", "spec.sendRate", &RATE),
    ("Sender", "spec.webhook.contract.keyed.retention", &SPAN),
    ("Sender", "spec.webhook.contract.queryable.url", &URL),
    ("Sender", "spec.webhook.headers[].name", &HEADER),
    ("Sender", "spec.listmonk.url", &URL),
    ("Sender", "spec.webhook.url", &URL),
    ("WaveRelease", "spec.firstAttemptAt", &MOMENT),
    ("WaveRelease", "spec.evidence.evaluatedAt", &MOMENT),
];

/// What the operator itself writes: with an offset, always.
const MOMENT: Form = Form {
    good: &["2027-03-19T18:00:00Z", "2027-03-19T18:00:00.123456Z"],
    bad: &["", "yesterday", "2027-03-19", "2027-13-19T18:00:00Z"],
    fill: None,
};

/// The form of a field, if it has one.
pub fn form(kind: &str, path: &str) -> Option<&'static Form> {
    FORMS.iter().find(|(of, at, _)| *of == kind && *at == path).map(|(_, _, form)| *form)
}

/// Every field that has a form, as kind and path.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    FORMS.iter().map(|(kind, path, _)| (*kind, *path))
}
