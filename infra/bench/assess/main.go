// Command assess measures how many lines of access logs a second are assessed, beside what zcat and grep make of the same
// files, and how much memory that takes for one log and for one ten times as long. The lines are the sample site's, one
// month after the other.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/migration/assess"
	"github.com/banyan-migration/banyan/shared/accesslog"
)

// wanted is the figure: lines a second.
const wanted = 400_000

func main() {
	lines := flag.Int("lines", 3_000_000, "lines of the log")
	flag.Parse()
	if err := measure(*lines); err != nil {
		log.Fatal(err)
	}
}

func measure(lines int) error {
	dir, err := os.MkdirTemp("", "assess")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("%d processors; %d lines\n", runtime.GOMAXPROCS(0), lines)
	short, plain, packed := filepath.Join(dir, "short.log"), filepath.Join(dir, "plain.log"), filepath.Join(dir, "packed.log.gz")
	for name, n := range map[string]int{short: lines / 10, plain: lines, packed: lines} {
		if err := generate(name, n); err != nil {
			return err
		}
	}
	if _, err := assessed("a tenth of it", []string{short}); err != nil {
		return err
	}
	for _, c := range []struct{ name, file, beside string }{
		{"plain", plain, "grep -c POST " + plain},
		{"gzipped", packed, "zcat " + packed + " | wc -l"},
	} {
		ours, err := assessed(c.name, []string{c.file})
		if err != nil {
			return err
		}
		began := time.Now()
		if out, err := exec.Command("sh", "-c", c.beside).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", c.beside, err, out)
		}
		theirs := time.Since(began)
		fmt.Printf("  %-40s %6.2f s: assess takes %.1f times that\n", strings.ReplaceAll(c.beside, dir+"/", ""), theirs.Seconds(), ours.Seconds()/theirs.Seconds())
	}
	_, err = assessed("both at once", []string{plain, packed})
	return err
}

// assessed reads files and says how fast, and what memory the program has taken so far.
func assessed(name string, files []string) (time.Duration, error) {
	began, used := time.Now(), processor()
	a, err := (&assess.Job{Files: files}).Run(context.Background())
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	used = processor() - used
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	rate := float64(a.Requests) / took.Seconds()
	verdict := "enough"
	if rate < wanted {
		verdict = "TOO SLOW"
	}
	fmt.Printf("%-14s %9d lines in %5.2f s: %9.0f a second, %s (%d wanted); %.0f a second of one processor; %d routes, %d MB\n",
		name, a.Requests, took.Seconds(), rate, verdict, wanted, float64(a.Requests)/used.Seconds(), len(a.Routes), m.Sys>>20)
	return took, nil
}

// processor is the time that this program has had of all processors.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// generate writes the sample's lines, each month moved on by 31 days, until there are n.
func generate(name string, n int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	var out io.Writer = f
	if strings.HasSuffix(name, ".gz") {
		z := gzip.NewWriter(f)
		defer z.Close()
		out = z
	}
	w := bufio.NewWriterSize(out, 1<<20)
	for months := 0; n > 0; months++ {
		for l := range accesslog.NewReader("access.log.gz", bytes.NewReader(site.AccessLog)).Lines() {
			l.At = l.At.AddDate(0, 0, 31*months)
			l.Addr = "198.51.100." + strconv.Itoa(n%250)
			w.WriteString(l.String() + "\n")
			if n--; n == 0 {
				break
			}
		}
	}
	return w.Flush()
}
