// Go's runtime as a WASI command: goroutines, channels, maps, files, the garbage collector.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"sync"
)

type item struct {
	Name  string   `json:"name"`
	Tags  []string `json:"tags,omitempty"`
	Value float64  `json:"value"`
}

func worker(jobs <-chan int, results chan<- int, group *sync.WaitGroup) {
	defer group.Done()
	for job := range jobs {
		results <- job * job
	}
}

func main() {
	fmt.Println(os.Args[1:], os.Getenv("LEVEL"))
	jobs, results := make(chan int, 10), make(chan int, 100)
	var group sync.WaitGroup
	for i := 0; i < 4; i++ {
		group.Add(1)
		go worker(jobs, results, &group)
	}
	for i := 0; i < 100; i++ {
		jobs <- i
	}
	close(jobs)
	group.Wait()
	close(results)
	sum := 0
	for r := range results {
		sum += r
	}
	fmt.Println("sum", sum)

	text, _ := json.Marshal([]item{{"a", []string{"x", "y"}, 1.5}, {"b", nil, -2}})
	var back []item
	err := json.Unmarshal(text, &back)
	fmt.Println(string(text), back, err)

	if err := os.WriteFile("/work/go.txt", []byte("some text\nmore text\n"), 0o644); err != nil {
		fmt.Println(err)
	}
	file, err := os.Open("/work/go.txt")
	fmt.Println(err)
	counts := map[string]int{}
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		for _, word := range strings.Fields(scanner.Text()) {
			counts[word]++
		}
	}
	words := make([]string, 0)
	for word := range counts {
		words = append(words, word)
	}
	sort.Strings(words)
	fmt.Println(words, counts)
	_, err = os.ReadFile("/work/none")
	fmt.Println(os.IsNotExist(err))

	var kept [][]byte
	for i := 0; i < 2000; i++ {
		kept = append(kept, make([]byte, 10000))
		if len(kept) > 50 {
			kept = kept[25:]
		}
	}
	runtime.GC()
	defer func() {
		fmt.Println("recovered:", recover())
		os.Exit(4)
	}()
	var none []int
	fmt.Println(none[len(kept)])
}
