package load

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// result is what a program prints. Times are in nanoseconds.
type result struct {
	New             int64          `json:"new_ns"`
	Wall            int64          `json:"wall_ns"`
	CPU             int64          `json:"cpu_ns"`
	Latency         quantiles      `json:"latency_ns"`
	Codes           map[string]int `json:"codes"`
	Refusal         string         `json:"refusal,omitempty"` // the first one
	Allocations     uint64         `json:"allocations"`
	AllocatedBytes  uint64         `json:"allocated_bytes"`
	StartRSS        int            `json:"start_rss_kb"` // before there is an attestor
	NewRSS          int            `json:"new_rss_kb"`   // once there is one
	PeakRSS         int            `json:"peak_rss_kb"`
	NewDescriptors  int            `json:"new_descriptors"`
	NewProcessTasks int            `json:"new_threads"`
}

type quantiles struct {
	P50 int64 `json:"p50"`
	P90 int64 `json:"p90"`
	P99 int64 `json:"p99"`
	Max int64 `json:"max"`
}

// mark is what was spent until a moment.
type mark struct {
	wall          time.Time
	cpu           int64
	mallocs, size uint64
}

func now() mark {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	cpu := usage.Utime.Nano() + usage.Stime.Nano()
	return mark{wall: time.Now(), cpu: cpu, mallocs: memory.Mallocs, size: memory.TotalAlloc}
}

// opened looks at the process once there is an attestor.
func (r *result) opened() error {
	var err error
	if r.NewRSS, err = memory("VmRSS"); err != nil {
		return err
	}
	if r.NewDescriptors, err = entries("/proc/self/fd"); err != nil {
		return err
	}
	r.NewProcessTasks, err = entries("/proc/self/task")
	return err
}

func (r *result) spent(before, after mark) {
	r.Wall = after.wall.Sub(before.wall).Nanoseconds()
	r.CPU = after.cpu - before.cpu
	r.Allocations = after.mallocs - before.mallocs
	r.AllocatedBytes = after.size - before.size
}

func (r *result) answered(c *crowd) {
	r.Codes = map[string]int{}
	for code, count := range c.codes {
		r.Codes[fmt.Sprint(uint32(code))] = count
	}
	if c.refusal != nil {
		r.Refusal = c.refusal.Error()
	}
	count := len(c.latencies)
	if count == 0 {
		return
	}
	slices.Sort(c.latencies)
	rank := func(percent int) int64 { return c.latencies[(count-1)*percent/100] }
	r.Latency = quantiles{P50: rank(50), P90: rank(90), P99: rank(99), Max: rank(100)}
}

// memory reads a line of /proc/self/status that is in kB.
func memory(key string) (int, error) {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), key+":"); found {
			var kilobytes int
			_, err := fmt.Sscan(value, &kilobytes)
			return kilobytes, err
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no %s", key)
}

func entries(folder string) (int, error) {
	entries, err := os.ReadDir(folder)
	return len(entries), err
}
