package main

import (
	"fmt"
	"os"
	"strings"
)

// load is how loaded the machine is already, where it says so.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	return ", load average before " + strings.Join(strings.Fields(string(text))[:3], " ")
}

// ticks is the time of all cores since the machine started, in its own unit, as the first line of Linux's /proc/stat has
// it; zero elsewhere.
type ticks struct{ all, idle int64 }

func now() (t ticks) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return t
	}
	return parse(string(text))
}

// parse reads "cpu user nice system idle iowait irq softirq steal …"; what a guest has had is in user already.
func parse(stat string) (t ticks) {
	line, _, _ := strings.Cut(stat, "\n")
	var each [8]int64
	if _, err := fmt.Sscanf(line, "cpu %d %d %d %d %d %d %d %d", &each[0], &each[1], &each[2], &each[3], &each[4], &each[5], &each[6], &each[7]); err != nil {
		return t
	}
	for _, n := range each {
		t.all += n
	}
	t.idle = each[3] + each[4]
	return t
}

// busy is the part of the machine's time since then that was not idle, whoever had it; 0 where it is not known.
func (t ticks) busy(since ticks) float64 {
	if t.all == since.all {
		return 0
	}
	return 1 - float64(t.idle-since.idle)/float64(t.all-since.all)
}
