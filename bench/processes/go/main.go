// The same programs as in ../guests, for Go: processes CASE NUMBER... Arguments and output are those
// of the guests; a mailbox is a channel. Go has no links: a crash is a panic that the goroutine
// itself recovers from and reports.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	var numbers [8]int
	for i, argument := range os.Args[2:] {
		numbers[i], _ = strconv.Atoi(argument)
	}
	n, repetitions, third := numbers[0], numbers[1], numbers[2]
	switch os.Args[1] {
	case "spawn":
		measure(n*third, repetitions, func() { spawnFromAll(n, third) })
	case "ping":
		there, back := make(chan int), make(chan int)
		go forward(there, back)
		measure(n, repetitions, func() { goAround(n, there, back) })
	case "ring":
		first, last := makeRing(third)
		measure(n/third*third, repetitions, func() { goAround(n/third, first, last) })
	case "flood":
		messages, done := make(chan [4]uint64, 1024), make(chan uint64)
		go sink(n, messages, done)
		measure(n, repetitions, func() { flood(n, messages, done) })
	case "crash":
		measure(n, repetitions, func() { crash(n) })
	case "hogs":
		hogs(n, time.Duration(numbers[1])*time.Millisecond, third)
	case "parked":
		parked(n)
	case "timers":
		timers(n, time.Duration(numbers[1])*time.Millisecond)
	default:
		os.Exit(2)
	}
}

func spawnAndWait(n int) {
	reply := make(chan int)
	for i := 0; i < n; i++ {
		go func() { reply <- 1 }()
		<-reply
	}
}

func spawnFromAll(n, spawners int) {
	if spawners == 1 {
		spawnAndWait(n)
		return
	}
	done := make(chan int)
	for i := 0; i < spawners; i++ {
		go func() {
			spawnAndWait(n)
			done <- 1
		}()
	}
	for i := 0; i < spawners; i++ {
		<-done
	}
}

func forward(from, to chan int) {
	for message := range from {
		to <- message
	}
}

func makeRing(size int) (first, last chan int) {
	first = make(chan int)
	last = first
	for i := 1; i < size; i++ {
		next := make(chan int)
		go forward(last, next)
		last = next
	}
	return first, last
}

func goAround(rounds int, there, back chan int) {
	for i := 0; i < rounds; i++ {
		there <- i
		<-back
	}
}

func flood(n int, messages chan [4]uint64, done chan uint64) {
	for i := uint64(0); i < uint64(n); i++ {
		messages <- [4]uint64{i, i, i, i}
	}
	<-done
}

func sink(n int, messages chan [4]uint64, done chan uint64) {
	for {
		sum := uint64(0)
		for i := 0; i < n; i++ {
			message := <-messages
			sum += message[0]
		}
		done <- sum
	}
}

func crash(n int) {
	died := make(chan any)
	for i := 0; i < n; i++ {
		go func() {
			defer func() { died <- recover() }()
			panic("trap")
		}()
		<-died
	}
}

var hogCounters [1024]struct {
	count uint64
	_     [7]uint64
}

func hogs(n int, pause time.Duration, count int) {
	for i := 0; i < count; i++ {
		go func(i int) {
			for {
				hogCounters[i%len(hogCounters)].count++
			}
		}(i)
	}
	time.Sleep(200 * time.Millisecond)
	late := make([]string, 0, n)
	for i := 0; i < n; i++ {
		start := time.Now()
		time.Sleep(pause)
		late = append(late, fmt.Sprint((time.Since(start) - pause).Nanoseconds()))
	}
	printLine(late)
}

func parked(n int) {
	questions := make([]chan chan int, n)
	ready := make(chan int, n)
	pauseAt("start")
	start := time.Now()
	for i := range questions {
		question := make(chan chan int)
		questions[i] = question
		go func(i int) {
			ready <- i
			for by := range question {
				by <- i
			}
		}(i)
	}
	for range questions {
		<-ready
	}
	took := time.Since(start)
	pauseAt("parked")
	answer := make(chan int)
	for i, question := range questions {
		question <- answer
		if <-answer != i {
			os.Exit(10)
		}
	}
	printLine([]string{perOperation(took, n)})
}

func timers(n int, after time.Duration) {
	expired, done := make(chan int, 1024), make(chan int)
	go func() {
		for i := 0; i < n; i++ {
			<-expired
		}
		close(done)
	}()
	instant := time.Now().Add(after)
	for i := 0; i < n; i++ {
		time.AfterFunc(time.Until(instant), func() { expired <- 1 })
	}
	var late []string
	for {
		start := time.Now()
		select {
		case <-done:
			printLine(late)
			return
		case <-time.After(time.Millisecond):
			late = append(late, fmt.Sprint((time.Since(start) - time.Millisecond).Nanoseconds()))
		}
	}
}

func measure(operations, repetitions int, body func()) {
	body()
	values := make([]string, repetitions)
	for i := range values {
		start := time.Now()
		body()
		values[i] = perOperation(time.Since(start), operations)
	}
	printLine(values)
}

func perOperation(took time.Duration, operations int) string {
	return fmt.Sprintf("%.3f", float64(took.Nanoseconds())/float64(operations))
}

func printLine(values []string) {
	fmt.Printf("{\"ns\":[%s]}\n", strings.Join(values, ","))
}

func pauseAt(where string) {
	fmt.Printf("{\"at\":%q}\n", where)
	fmt.Scanln()
}
