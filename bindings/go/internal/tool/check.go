package tool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	psat "psat-attestor.example/bindings/go"
)

// check says whether the clusters can be used.
func check(ctx context.Context, s *session) (int, error) {
	return s.withAttestor(ctx, func(ctx context.Context, attestor *psat.Attestor) (int, error) {
		report, err := attestor.Check(ctx, psat.CheckOptions{Clusters: s.clusters})
		if err != nil {
			return s.notChecked(err)
		}
		if s.json {
			s.printDocument(report.Document)
			return s.checked(report), nil
		}
		if s.loaded.disabled {
			s.out.verdict(red, "not loaded", ": enabled = false in "+cmp.Or(s.config, defaultConfig)+": SPIRE refuses every agent, whatever the clusters are like")
			s.out.blank()
		}
		s.out.report(report, s.copied)
		return s.checked(report), nil
	})
}

// checked is the exit code. Clusters are of no use to a plugin that SPIRE does not load.
func (s *session) checked(report *psat.CheckReport) int {
	exit := exitOf(report.Code, report.Reason)
	if s.loaded.disabled {
		exit = max(exit, exitNo)
	}
	return exit
}

// notChecked tells a cluster that is not configured, which is whoever asked to put right, from other failures.
func (s *session) notChecked(err error) (int, error) {
	if !errors.Is(err, psat.ReasonClusterUnknown) {
		return s.unanswered(err)
	}
	if s.json {
		_, err = s.unanswered(err)
		return exitUsage, err
	}
	var refused *psat.Error
	errors.As(err, &refused)
	return 0, unusable("%s; configured are: %s", refused.Message, s.loaded.clusters())
}

func (p *page) report(report *psat.CheckReport, written func([]string) []string) {
	if len(report.Clusters) == 0 {
		p.verdict(yellow, "nothing to check", ": no clusters are configured, so every agent is refused")
	}
	for i, name := range slices.Sorted(maps.Keys(report.Clusters)) {
		cluster := report.Clusters[name]
		if i > 0 {
			p.blank()
		}
		if cluster.Usable {
			p.verdict(green, "usable", ": "+name)
		} else {
			p.verdict(red, "not usable", fmt.Sprintf(": %s: %s", name, failure(cluster.Steps)))
		}
		p.line("%s", where(&cluster))
		p.blank()
		p.steps(cluster.Steps)
		p.remedies(cluster.Steps, written)
	}
}

// failure names the first step that failed.
func failure(steps []psat.Step) string {
	failed := psat.FirstFailed(steps)
	if failed == nil {
		return "no step says why"
	}
	return string(failed.Reason) + at(failed)
}

// where is what is known of the API server.
func where(cluster *psat.ClusterCheck) string {
	var parts []string
	if cluster.Server != "" {
		parts = append(parts, cluster.Server)
	}
	if cluster.ServerVersion != "" {
		parts = append(parts, "version "+cluster.ServerVersion)
	}
	if cluster.User != "" {
		parts = append(parts, fmt.Sprintf("as user %q", cluster.User))
	}
	return strings.Join(append(parts, "checked in "+short(cluster.Elapsed())), ", ")
}
