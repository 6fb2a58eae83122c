package tool

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// hunter2 is a secret that looks like nothing.
const hunter2 = "hunter2"

func TestWhatIsInAWrongFileIsNotPrinted(t *testing.T) {
	b := newBench(t, "{}")
	write(t, "malformed.json", `{"trust_domain": hunter2}`)
	write(t, "mistyped.json", `{"trust_domain": "example.org", "clusters": {"demo": {"max_in_flight": "hunter2", "lookup": "hunter2"}}}`)
	for _, file := range []string{"demo/payload.json", "token", "malformed.json", "mistyped.json"} {
		for _, more := range []string{"", " --json"} {
			for _, command := range []string{"print-config", "validate", "check"} {
				got := b.run(t, command+" --psat-config "+file+more)
				if got.exit != exitNo || !strings.Contains(strings.ToLower(got.out), "invalid") || strings.Contains(got.interleaved, hunter2) {
					t.Errorf("%s %s%s: %+v", command, file, more, got)
				}
			}
		}
	}
}

func TestUnknownKeysOfTheLibrarysConfigurationAreNullInPrint(t *testing.T) {
	newBench(t, "{}")
	write(t, "psat.json", `{"trust_domain": "example.org", "error_style": "precise", "password": "hunter2", "engine": {"worker_threads": 2, "key": ["hunter2"]},
		"clusters": {"demo": {"service_account_allow_list": ["a:b"], "max_in_flight": 9007, "audience": [], "token": {"audience": "hunter2"}}}}`)
	const want = `{"trust_domain": "example.org", "error_style": "precise", "password": null, "engine": {"worker_threads": 2, "key": null},
		"clusters": {"demo": {"service_account_allow_list": ["a:b"], "max_in_flight": 9007, "audience": [], "token": null}}}`
	got := (*bench)(nil).run(t, "print-config --psat-config psat.json")
	var wanted map[string]any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if got.exit != exitFine || !reflect.DeepEqual(got.document(t), wanted) {
		t.Errorf("got %+v", got)
	}
}

func TestWhatLooksLikeATokenIsWithheldInJSONToo(t *testing.T) {
	const token = "eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln"
	for text, want := range map[string]string{
		`{"a":"it is ` + token + `!","` + token + `":[1]}`: `{"a":"it is ` + withheld + `!","` + withheld + `":[1]}`,
		// Not the end of an escape with what follows it.
		`{"a":"\u001` + token + `"}`:  `{"a":"\u001` + token + `"}`,
		`{"a":"\\u001` + token + `"}`: `{"a":"\\u001` + withheld + `"}`,
		`{"a":"\\` + token + `"}`:     `{"a":"\\` + withheld + `"}`,
	} {
		if got := printableJSON([]byte(text)); got != want {
			t.Errorf("%s became %s", text, got)
		}
	}
	b := newBench(t, "{}")
	edited(t, `"region"`, `"`+b.Token+`"`)
	for _, line := range []string{"print-config", "validate", "validate --json", "check --json"} {
		b.run(t, line+" --config server.conf") // which looks for the token
	}
}

func TestFaultsOfServerConfQuoteNothingOfIt(t *testing.T) {
	newBench(t, "{}")
	const connection = `connection_string = "data/datastore.sqlite3"`
	conf := read(t, "server.conf")
	for changed, want := range map[string]string{
		`connection_string = hunter2`:      "server.conf: it is not a configuration of spire-server: At 11:33: this cannot stand here",
		`connection_string hunter2`:        "At 12:9: this cannot stand here",
		`"hunter2" hunter2`:                "At 12:9: this cannot stand here",
		`connection_string = "hunter2`:     "At 11:41: a string is not closed",
		`connection_string = [hunter2]`:    "this cannot stand here",
		`connection_string = 'hunter2'`:    "this character cannot stand here",
		"connection_string = <<hunter2\nx": "a heredoc is not closed",
	} {
		write(t, "server.conf", strings.Replace(conf, connection, changed, 1))
		expectRefusal(t, changed, exitUsage, want)
	}
	for changed, want := range map[string]string{
		`trust_domain = { a = "hunter2" }`: "server.trust_domain",
		`trust_domain = ["hunter2"]`:       "must be a string",
	} {
		write(t, "server.conf", strings.Replace(conf, `trust_domain = "example.org"`, changed, 1))
		expectRefusal(t, changed, exitUsage, want)
	}
	for changed, want := range map[string]string{
		`max_in_flight = "hunter2"`:               "At 4:34: max_in_flight: a number must be a whole one",
		`max_in_flight = 99999999999999999999999`: "a number is too large",
		`max_in_flight = ["hunter2"]`:             "clusters.demo.max_in_flight: the value is of the wrong type",
		`use_pod_uid_for_agent_id = "hunter2"`:    "clusters.demo.use_pod_uid_for_agent_id: the value is of the wrong type",
		`lookup = { a = "hunter2" }`:              "clusters.demo.lookup: must be a string",
	} {
		write(t, "server.conf", strings.Replace(conf, allowList, allowList+"\n"+changed, 1))
		expectRefusal(t, changed, exitNo, want)
	}
	write(t, "server.conf", `{"server": {"trust_domain": "example.org"}, "plugins": {"DataStore": hunter2}}`)
	expectRefusal(t, "JSON", exitUsage, "At 1:70: this is not JSON")
}

// expectRefusal runs a command on server.conf that says what is wanted, and nothing of what is secret.
func expectRefusal(t *testing.T, what string, exit int, want string) {
	t.Helper()
	got := (*bench)(nil).run(t, "validate --config server.conf")
	said := strings.Join(strings.Fields(got.interleaved), " ")
	if got.exit != exit || !strings.Contains(said, want) {
		t.Errorf("%s: %+v, want %s", what, got, want)
	}
	if strings.Contains(got.interleaved, hunter2) || strings.Contains(got.interleaved, "99999") {
		t.Errorf("%s is quoted: %s", what, got.interleaved)
	}
}
