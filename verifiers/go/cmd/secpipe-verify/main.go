// secpipe-verify verifies, without Python, what secpipe signs. Exit codes: 0 verified, 1 refused, 2 wrong usage,
// 3 undecided.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	verifier "secpipe.dev/verifier"
)

const usage = `secpipe-verify artifact PATH --trust FILE --pin sha256:HEX [--seen FILE] [--max-ring-age DAYS]
    [--require classical+pq] [--env NAME] [--purpose NAME] [--name NAME] [--min-version N] [--ignore PATH]...
secpipe-verify trust    --trust FILE --pin sha256:HEX [--seen FILE] [--max-ring-age DAYS]
secpipe-verify verdict  BUNDLE PQ-BUNDLE --trust FILE --pin sha256:HEX --digest dirHash:HEX --env NAME
    [--policy HEX] [--verifier URI]... [--max-age DURATION]
secpipe-verify log      PROOF --digest HEX --log-key VKEY... [--witness-key VKEY]... [--quorum N]
secpipe-verify vectors  INDEX
`

type many []string

func (m *many) String() string     { return strings.Join(*m, ",") }
func (m *many) Set(v string) error { *m = append(*m, v); return nil }

type options struct {
	trust, pin, seen, env, digest         string
	ring, quorum                          int
	demand                                verifier.Demand
	policy                                string
	age                                   time.Duration
	ignore, verifiers, logKeys, witnesses many
}

func parse(args []string) (o options, rest []string) {
	flags := flag.NewFlagSet("secpipe-verify", flag.ExitOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	for name, place := range map[string]*string{
		"trust": &o.trust, "pin": &o.pin, "seen": &o.seen, "env": &o.env, "digest": &o.digest, "policy": &o.policy,
		"require": &o.demand.Require, "purpose": &o.demand.Purpose, "name": &o.demand.Name, "min-version": &o.demand.MinVersion,
	} {
		flags.StringVar(place, name, "", "")
	}
	flags.IntVar(&o.ring, "max-ring-age", 0, "")
	flags.IntVar(&o.quorum, "quorum", 0, "")
	flags.DurationVar(&o.age, "max-age", 0, "")
	flags.Var(&o.ignore, "ignore", "")
	flags.Var(&o.verifiers, "verifier", "")
	flags.Var(&o.logKeys, "log-key", "")
	flags.Var(&o.witnesses, "witness-key", "")
	for len(args) > 0 { // options may stand behind paths
		flags.Parse(args)
		if args = flags.Args(); len(args) > 0 {
			rest, args = append(rest, args[0]), args[1:]
		}
	}
	o.demand.Environment, o.demand.Ignore = o.env, o.ignore
	return o, rest
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	o, rest := parse(os.Args[2:])
	wanted := map[string]int{"artifact": 1, "trust": 0, "verdict": 2, "log": 1, "vectors": 1}
	if count, known := wanted[os.Args[1]]; !known || len(rest) != count {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if o.demand.Require != "" && o.demand.Require != "classical+pq" && o.demand.Require != "classical" && o.demand.Require != "pq" {
		fail(fmt.Errorf("unknown floor %q", o.demand.Require))
	}
	if os.Args[1] == "vectors" {
		vectors(rest[0])
		return
	}
	verified, err := run(os.Args[1], o, rest)
	report(verified, err)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "secpipe-verify:", err)
	os.Exit(2)
}

func read(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		fail(err)
	}
	return data
}

func run(command string, o options, rest []string) (any, error) {
	if command == "log" {
		return nil, verifier.VerifyLogProof(read(rest[0]), o.digest, logTrust(o.logKeys, o.witnesses, o.quorum))
	}
	if o.trust == "" || o.pin == "" {
		fail(fmt.Errorf("--trust and --pin are needed: a trust without a pin proves nothing"))
	}
	ask := verifier.TrustOptions{Pin: o.pin, MaxRingAge: o.ring, Now: time.Now()}
	if o.seen != "" {
		ask.Seen = read(o.seen)
	}
	trust, err := verifier.OpenTrust(read(o.trust), ask)
	if err != nil || command == "trust" {
		return nil, err
	}
	if command == "verdict" {
		asked := verifier.Asked{
			Digest: strings.TrimPrefix(o.digest, "dirHash:"), Environment: o.env, Policy: strings.TrimPrefix(o.policy, "sha256:"),
			Name: o.demand.Name, Verifiers: o.verifiers, MaxAge: int64(o.age / time.Second),
		}
		return trust.VerifyVerdict(verifier.Bundles{Classical: read(rest[0]), PQ: read(rest[1])}, asked, time.Now())
	}
	return trust.VerifyPath(rest[0], o.demand, time.Now())
}

func logTrust(keys, witnesses []string, quorum int) verifier.LogTrust {
	who := verifier.LogTrust{Quorum: quorum}
	for _, text := range append(append([]string{}, keys...), witnesses...) {
		key, err := verifier.ParseVerifierKey(text)
		if err != nil {
			fail(err)
		}
		if len(who.Keys) < len(keys) {
			who.Keys = append(who.Keys, key)
		} else {
			who.Witnesses = append(who.Witnesses, key)
		}
	}
	if err := who.Check(); err != nil {
		fail(err)
	}
	return who
}

func report(verified any, err error) {
	result, code := verifier.Result(err)
	answer := map[string]any{"result": result, "code": code}
	if err != nil {
		answer["message"] = err.Error()
	} else if verified != nil {
		answer["verified"] = verified
	}
	json.NewEncoder(os.Stdout).Encode(answer)
	os.Exit(map[string]int{"verified": 0, "refused": 1, "undecided": 3}[result])
}
