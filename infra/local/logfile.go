package local

import (
	"fmt"
	"os"
	"strings"
	"sync"
)

// logFile is a log that takes no more of the disk than twice a size: once it has grown so far it becomes NAME.1, in place of
// the one before it, and another begins. Safe for concurrent use.
type logFile struct {
	name string
	most int64

	mu   sync.Mutex
	file *os.File
	size int64
}

func openLog(name string, most int64) (*logFile, error) {
	l := &logFile{name: name, most: most}
	return l, l.open()
}

func (l *logFile) open() error {
	file, err := os.OpenFile(l.name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("local: %w", err)
	}
	l.file, l.size = file, 0
	if about, err := file.Stat(); err == nil {
		l.size = about.Size()
	}
	return nil
}

// write adds a line of a function. One that is lost on a full disk loses no gift.
func (l *logFile) write(function, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size >= l.most && os.Rename(l.name, l.name+".1") == nil {
		old := l.file
		if l.open() == nil {
			old.Close()
		}
	}
	n, _ := fmt.Fprintf(l.file, "%s %s\n", function, strings.TrimSuffix(line, "\n"))
	l.size += int64(n)
}

func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}
