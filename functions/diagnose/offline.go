package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/diagnose"
	"cce-oncall/shared/observe"
	"cce-oncall/shared/remediate"
)

// offline answers -case and -reasons: the same judgement as in production, with no network and no configuration. done is false for
// any other call.
func offline(args []string, stdout, stderr io.Writer) (code int, done bool) {
	flags := flag.NewFlagSet("diagnose", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	file := flags.String("case", "", "judge one frozen moment")
	reasons := flags.Bool("reasons", false, "print every reason as a Markdown table")
	if flags.Parse(args) != nil || flags.NArg() > 0 {
		return 0, false
	}
	switch {
	case *reasons:
		_, _ = fmt.Fprint(stdout, diagnose.Markdown())
		return 0, true
	case *file != "":
		out, err := judge(*file)
		if err != nil {
			_, _ = fmt.Fprintf(stderr, "%s: %v\n", *file, err)
			return 2, true
		}
		_, _ = stdout.Write(out)
		return 0, true
	}
	return 0, false
}

func judge(file string) ([]byte, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s, err := observe.ReadCase(raw)
	if err != nil {
		return nil, err
	}
	d := diagnose.Judge(s)
	groups := alarm.Correlate(s.Alarms, s.Topology(), alarm.Options{Now: s.At})
	return diagnose.Output(s, d, groups, remediate.Propose(s, d, remediate.History{}))
}
