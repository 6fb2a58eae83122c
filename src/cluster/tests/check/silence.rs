//! No credential stands in what a check tells, whatever the server repeats.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::*;

/// A server that answers everything with the credential that it was shown, wherever text can stand.
/// But for so many characters at its beginning.
fn echoing(cut: usize) -> Handler {
    answering(move |request| {
        let header = request.headers()["authorization"].to_str().unwrap().to_owned();
        let basic = header.strip_prefix("Basic ").and_then(|text| BASE64_STANDARD.decode(text).ok());
        let secret = basic.map_or(header, |pair| String::from_utf8(pair).unwrap());
        let start = secret.find("marker").unwrap() + cut;
        let secret = &secret[start..];
        let (status, body) = sound(request.uri().path());
        for sound in ["v1.37.2", "jane", "invalid bearer token", "RS256"] {
            if body.contains(sound) {
                return (status, body.replace(sound, &format!("x {secret}")));
            }
        }
        (403, format!(r#"{{"kind":"Status","message":"no, {secret}"}}"#))
    })
}

#[tokio::test]
async fn what_a_server_repeats_of_a_credential_is_not_told() {
    for cut in [0, 1] {
        assert_silence(echoing(cut)).await;
    }
}

async fn assert_silence(handler: Handler) {
    let (authority, folder) = (Authority::new(), Folder::new());
    let server = Server::start(Plan::new(&authority, handler)).await;
    folder.write("ca.crt", &authority.pem);
    folder.write("token", "marker-token-of-some-length");
    let cluster = [format!("server: https://{}", server.address), "certificate-authority: ca.crt".into()];
    for user in [
        &["token: marker-token-of-some-length"][..],
        &["tokenFile: token"],
        &["username: reviewer", "password: marker-password"],
    ] {
        let user: Vec<String> = user.iter().map(|line| (*line).to_owned()).collect();
        let checkup = examine(&world::cluster(&folder.kubeconfig(&cluster, &user)), &config("")).await;
        let told = format!("{checkup:?} {}", serde_json::to_string(&checkup).unwrap());
        assert!(!told.contains("arker"), "{told}");
        assert_eq!(outcomes(&checkup), "pppppwwpp", "all of it was looked at: {told}");
        assert_eq!((checkup.server_version, checkup.user), (None, None));
    }
}
