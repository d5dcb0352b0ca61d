// Keeps a file in a volume, for who wants to know whether a volume comes back: `keep` stays until it is told to end,
// `write FILE` takes what it is given, and `read FILE` gives it back.
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "keep":
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM, syscall.SIGINT)
		<-told
		return nil
	case len(arguments) == 2 && arguments[0] == "write":
		return write(arguments[1])
	case len(arguments) == 2 && arguments[0] == "read":
		return read(arguments[1])
	}
	return fmt.Errorf("say `keep`, `write FILE` or `read FILE`")
}

func write(name string) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, os.Stdin); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return file.Close()
}

func read(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, file)
	return err
}
