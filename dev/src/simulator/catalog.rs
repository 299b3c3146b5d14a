//! The words that events are made of: the enumerations of API reference 1.4.1, and people, places and clients.

/// Audit actions (79; the reference says that the list is not exhaustive).
pub(super) const AUDIT_ACTIONS: &[&str] = &[
    "activate", "addgsso", "begin", "beginr", "cancel", "cancelr", "changeks", "changela",
    "changemp", "changenm", "changesk", "chngasso", "chngdsso", "chngpsso", "complete", "completr",
    "convert", "create", "dealldev", "delete", "delgsso", "delshare", "deolddev", "detchild",
    "disblduo", "disblmfa", "disblsso", "dlgsess", "dvrfydmn", "enblduo", "enblmfa", "enblsso",
    "expire", "export", "grant", "hide", "join", "launchi", "leave", "musercom", "muserdec",
    "patch", "propose", "provsn", "prsndall", "purge", "rdmchild", "reactive", "reauth", "replace",
    "resendts", "revoke", "role", "sdvcsso", "sendpkg", "sendts", "share", "ssotknv", "suspend",
    "tdvcsso", "trename", "trevoke", "trvlaway", "trvlback", "tverify", "uisas", "unhide",
    "unknown", "unlink", "updatduo", "update", "updatea", "updatfw", "updatmfa", "upguest",
    "uvrfydmn", "verify", "view", "vrfydmn",
];

/// What audit actions are done to (30).
pub(super) const OBJECT_TYPES: &[&str] = &[
    "account", "card", "cred", "device", "dlgdsess", "ec", "famchild", "file", "gm", "group",
    "gva", "invite", "item", "itemhist", "items", "miguser", "mngdacc", "pm", "report", "sa",
    "satoken", "slackapp", "sso", "ssotkn", "sub", "template", "user", "uva", "vault", "vaultkey",
];

/// Pairs of category and type of sign-in attempts that go together, all 31 types among them.
pub(super) const SIGN_INS: &[(&str, &str)] = &[
    ("success", "credentials_ok"),
    ("success", "mfa_ok"),
    ("success", "federated"),
    ("credentials_failed", "password_secret_bad"),
    ("credentials_failed", "platform_secret_bad"),
    ("credentials_failed", "platform_secret_disabled"),
    ("credentials_failed", "platform_secret_proxy"),
    ("mfa_failed", "mfa_missing"),
    ("mfa_failed", "totp_bad"),
    ("mfa_failed", "totp_disabled"),
    ("mfa_failed", "totp_timeout"),
    ("mfa_failed", "u2f_bad"),
    ("mfa_failed", "u2f_disabled"),
    ("mfa_failed", "u2f_timeout"),
    ("mfa_failed", "duo_bad"),
    ("mfa_failed", "duo_disabled"),
    ("mfa_failed", "duo_native_bad"),
    ("mfa_failed", "duo_timeout"),
    ("mfa_failed", "code_bad"),
    ("mfa_failed", "code_disabled"),
    ("mfa_failed", "code_timeout"),
    ("sso_failed", "non_sso_user"),
    ("sso_failed", "sso_user_mismatch"),
    ("sso_failed", "service_account_sso_denied"),
    ("modern_version_failed", "modern_version_missing"),
    ("modern_version_failed", "modern_version_old"),
    ("firewall_failed", "all_blocked"),
    ("firewall_failed", "anonymous_blocked"),
    ("firewall_failed", "continent_blocked"),
    ("firewall_failed", "country_blocked"),
    ("firewall_failed", "ip_blocked"),
    ("firewall_reported_success", "country_blocked"),
];

/// What can be done with an item.
pub(super) const USAGES: &[&str] = &[
    "enter-item-edit-mode",
    "export",
    "fill",
    "other",
    "reveal",
    "secure-copy",
    "select-sso-provider",
    "server-create",
    "server-fetch",
    "server-update",
    "share",
];

/// Names of people, for which addresses are made up.
pub(super) const NAMES: &[&str] = &[
    "Ada Brandt",
    "Bela Kovacs",
    "Chidi Okafor",
    "Dana Levi",
    "Emre Kaya",
    "Freya Olsen",
    "Gita Rao",
    "Hugo Martin",
    "Ines Castro",
    "Jonas Weber",
    "Kaori Mori",
    "Liam Walsh",
    "Maya Cohen",
    "Nils Berg",
    "Olga Petrova",
    "Priya Nair",
];

/// Names that are not ASCII: accents, other scripts, right-to-left, a symbol beyond the basic plane.
pub(super) const FOREIGN_NAMES: &[&str] = &[
    "Zoë Núñez-Ångström",
    "山田 太郎",
    "Мария Иванова",
    "نور الهدى",
    "Renée 🦊 O’Hara",
    "Nguyễn Thị Ánh",
];

/// Country code, region, city, latitude, longitude.
pub(super) const PLACES: &[(&str, &str, &str, f64, f64)] = &[
    ("CA", "Ontario", "Toronto", 43.64, -79.433),
    ("DE", "Bavaria", "Munich", 48.137, 11.575),
    ("FR", "Île-de-France", "Paris", 48.857, 2.352),
    ("UK", "England", "Leeds", 53.801, -1.549),
    ("US", "Oregon", "Portland", 45.515, -122.679),
    ("JP", "Osaka", "Osaka", 34.694, 135.502),
];

/// Application name, its build, platform, platform version, operating system, its version.
pub(super) const CLIENTS: &[[&str; 6]] = &[
    [
        "1Password Browser Extension",
        "20127",
        "Chrome",
        "131.0.0.0",
        "MacOSX",
        "10.15.7",
    ],
    [
        "1Password for Mac",
        "81055002",
        "Mac15,6",
        "",
        "MacOSX",
        "15.1.1",
    ],
    [
        "1Password for Windows",
        "81056028",
        "Dell XPS",
        "x64",
        "Windows",
        "11",
    ],
    [
        "1Password for iOS",
        "81057012",
        "iPhone15,2",
        "",
        "iOS",
        "18.1",
    ],
    ["1Password CLI", "2300001", "", "", "Linux", "6.8"],
    [
        "1Password SCIM Bridge",
        "20903",
        "amd64",
        "",
        "Linux",
        "5.15",
    ],
];
