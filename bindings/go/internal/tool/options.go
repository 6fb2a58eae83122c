package tool

import (
	"errors"
	"flag"
	"io"
	"time"
)

// options are what the flags say.
type options struct {
	config, psatConfig string
	expandEnv          bool
	json               bool
	color              color

	strict bool

	cluster            string
	tokenFile, payload string

	clusters list
	timeout  time.Duration // 0 if the command has none
}

// defaultConfig is where spire-server looks, too.
const defaultConfig = "conf/server/server.conf"

// longestTimeout is the longest that the library takes.
const longestTimeout = 24 * time.Hour

// parse reads the flags of the command. Flags are all that it takes.
func (c *command) parse(arguments []string) (options, error) {
	var opts options
	if len(arguments) > 0 && arguments[0] == "help" {
		return opts, flag.ErrHelp
	}
	set := c.flagSet(&opts)
	if err := set.Parse(arguments); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return opts, err
		}
		return opts, misused("%v", err)
	}
	if set.NArg() > 0 {
		// It may be a token.
		return opts, misused("argument %d is no flag and belongs to none", len(arguments)-set.NArg()+1)
	}
	if opts.psatConfig != "" && opts.config != "" {
		return opts, misused("--config and --psat-config name one configuration each: give one of them")
	}
	if opts.expandEnv && opts.psatConfig != "" {
		return opts, misused("--expand-env is about server.conf, and does nothing with --psat-config")
	}
	if set.Lookup("timeout") != nil && (opts.timeout < time.Millisecond || opts.timeout > longestTimeout) {
		return opts, misused("--timeout must be between 1ms and 24h")
	}
	return opts, nil
}

func (c *command) flagSet(opts *options) *flag.FlagSet {
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	set.SetOutput(io.Discard) // errors are told, and help is given, elsewhere
	set.StringVar(&opts.config, "config", "", "`FILE` with the server's configuration, in HCL or JSON (default: "+defaultConfig+")")
	set.StringVar(&opts.psatConfig, "psat-config", "", "`FILE` with the library's own configuration in JSON, instead of server.conf; - is standard input")
	set.BoolVar(&opts.expandEnv, "expand-env", false, "replace $NAME in server.conf by the environment's value, as spire-server's -expandEnv does")
	if c.flags != nil {
		c.flags(set, opts)
	}
	set.BoolVar(&opts.json, "json", false, "print the library's JSON document instead of text")
	opts.color = colorAuto
	set.Var(&opts.color, "color", "`WHEN` text has colours: auto (on a terminal, unless NO_COLOR is set), always or never (default: auto)")
	set.VisitAll(takeOnce)
	return set
}

func payloadFlags(set *flag.FlagSet, opts *options) {
	set.StringVar(&opts.tokenFile, "token-file", "", "`FILE` with the agent's service-account token; - is standard input")
	set.StringVar(&opts.cluster, "cluster", "", "`NAME` of the cluster, as the agent's configuration has it; together with --token-file")
	set.StringVar(&opts.payload, "payload", "", "`FILE` with the whole payload of an agent, {\"cluster\":…,\"token\":…}, instead of the two; - is standard input")
	timeoutFlag(set, opts)
}

func checkFlags(set *flag.FlagSet, opts *options) {
	set.Var(&opts.clusters, "cluster", "`NAME` of a cluster to check; may be repeated (default: all)")
	timeoutFlag(set, opts)
}

func validateFlags(set *flag.FlagSet, opts *options) {
	set.BoolVar(&opts.strict, "strict", false, "exit with 1 if there are warnings, too")
}

func timeoutFlag(set *flag.FlagSet, opts *options) {
	opts.timeout = 30 * time.Second
	set.Var((*span)(&opts.timeout), "timeout", "`TIME` that all of it may take, such as 500ms or 2m (default: 30s)")
}
