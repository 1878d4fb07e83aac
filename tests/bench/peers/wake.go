// SPDX-License-Identifier: MIT
//
// For bench_wake.py: what services/wake_main.lua does, in Go. wake KIND SECONDS; GOMAXPROCS says how many
// processors, and each of them has one goroutine that does KIND for ever.
package main

import (
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"strconv"
	"time"
)

type item struct {
	id   int
	name *item
}

var sink int

func loop() {
	for i := 0; ; i++ {
		if i < 0 {
			sink = i
		}
	}
}

func tables() {
	keep := make([]*item, 100)
	for i := 0; ; i++ {
		keep[i%100] = &item{i, &item{i, nil}}
	}
}

func main() {
	hogs := map[string]func(){"count": loop, "tables": tables}
	seconds, _ := strconv.ParseFloat(os.Args[2], 64)
	if hog := hogs[os.Args[1]]; hog != nil {
		for i := 0; i < runtime.GOMAXPROCS(0); i++ {
			go hog()
		}
	}
	time.Sleep(200 * time.Millisecond)
	late := []float64{}
	last := time.Now().Add(time.Duration(seconds * 1e9))
	for time.Now().Before(last) {
		sleep := time.Duration(1e6 + rand.Int63n(4e6))
		begin := time.Now()
		time.Sleep(sleep)
		late = append(late, float64(time.Since(begin)-sleep)/1e3)
	}
	fmt.Print("LATE")
	for _, us := range late {
		fmt.Printf(" %.1f", us)
	}
	fmt.Println()
	os.Exit(0)
}
