package move

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// here is this process's place.
var here = sync.OnceValue(func() string { return placeOf(os.Getpid()) })

// placeOf is "WORLD PID START" of a process of this machine, or nothing where one of them is not to be had.
func placeOf(pid int) string {
	start := started(pid)
	if start == "" || world() == "" {
		return ""
	}
	return fmt.Sprintf("%s %d %s", world(), pid, start)
}

// world is the boot of this machine and the namespaces in which a process has its number and its start: another
// container has numbers of its own.
var world = sync.OnceValue(func() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	numbers, worse := os.Readlink("/proc/self/ns/pid")
	if errors.Join(err, worse) != nil {
		return ""
	}
	times, _ := os.Readlink("/proc/self/ns/time") // older kernels have one for all
	return strings.TrimSpace(string(boot)) + "," + numbers + "," + times
})

// started is when a process was started, in ticks since the boot; nothing where that is not to be read.
func started(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	name := strings.LastIndexByte(string(stat), ')') // it may hold anything
	fields := strings.Fields(string(stat[name+1:]))
	if len(fields) < 20 {
		return ""
	}
	return fields[19]
}

// left says that there is no process at a place of this world, or another one under its number.
func left(place string) bool {
	is := strings.Fields(place)
	if len(is) != 3 || is[0] != world() {
		return false
	}
	pid, err := strconv.Atoi(is[1])
	start, worse := strconv.ParseUint(is[2], 10, 64)
	if err != nil || worse != nil || pid <= 0 {
		return false
	}
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	now := started(pid)
	return now != "" && now != strconv.FormatUint(start, 10)
}
