//! What the Prometheus at `--prometheus-url` is shown, and by what it is believed: the same for every command that measures.

use std::path::PathBuf;

use clap::Args;

use crate::prometheus::Access;

/// What Prometheus is shown, and by what it is believed.
#[derive(Debug, Args)]
pub struct AccessArguments {
    /// File with a bearer token for the Prometheus at --prometheus-url. Like all these files it is read anew for each question.
    #[arg(long = "prometheus-token-file", env = "HEADROOM_PROMETHEUS_TOKEN_FILE", value_name = "FILE", conflicts_with_all = ["username_file", "password_file"])]
    token_file: Option<PathBuf>,
    /// File with the user name for it.
    #[arg(
        long = "prometheus-username-file",
        env = "HEADROOM_PROMETHEUS_USERNAME_FILE",
        value_name = "FILE",
        requires = "password_file"
    )]
    username_file: Option<PathBuf>,
    /// File with the password for it.
    #[arg(
        long = "prometheus-password-file",
        env = "HEADROOM_PROMETHEUS_PASSWORD_FILE",
        value_name = "FILE",
        requires = "username_file"
    )]
    password_file: Option<PathBuf>,
    /// File with the certificates (PEM) that it is believed by, and no others; without it, those of the platform.
    #[arg(long = "prometheus-ca-file", env = "HEADROOM_PROMETHEUS_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// File with the certificate (PEM) that it is shown.
    #[arg(
        long = "prometheus-certificate-file",
        env = "HEADROOM_PROMETHEUS_CERTIFICATE_FILE",
        value_name = "FILE",
        requires = "key_file"
    )]
    certificate_file: Option<PathBuf>,
    /// File with the key (PEM) of that certificate.
    #[arg(
        long = "prometheus-key-file",
        env = "HEADROOM_PROMETHEUS_KEY_FILE",
        value_name = "FILE",
        requires = "certificate_file"
    )]
    key_file: Option<PathBuf>,
    /// Tenant that is asked for, as X-Scope-OrgID (Mimir, Cortex, Thanos).
    #[arg(long = "prometheus-tenant", env = "HEADROOM_PROMETHEUS_TENANT", value_name = "TENANT")]
    tenant: Option<String>,
}

impl AccessArguments {
    /// What it is shown.
    pub fn access(&self) -> Access {
        Access {
            token_file: self.token_file.clone(),
            username_file: self.username_file.clone(),
            password_file: self.password_file.clone(),
            ca_file: self.ca_file.clone(),
            certificate_file: self.certificate_file.clone(),
            key_file: self.key_file.clone(),
            tenant: self.tenant.clone(),
        }
    }
}
