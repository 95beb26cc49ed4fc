//! Programs that are started for messages.

use super::{NOW, receiver, requests};
use slod::receiver::{Message, Request};

#[test]
fn a_program_beside_the_config_is_not_searched_for_in_the_path() {
    for (written, started) in [
        ("true", "./true"),
        ("hooks/page", "./hooks/page"),
        ("/bin/true", "/bin/true"),
    ] {
        let receiver = receiver("exec", &format!("{{ program: {written} }}"));
        let requests = requests(&receiver, &Message::sample(false, NOW));
        let [Request::Run { program, .. }] = &requests[..] else {
            panic!("{requests:?}");
        };
        assert_eq!(program, started);
    }
}
