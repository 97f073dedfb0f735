// One contiguous copy, shared by all threads of a row of blocks. Compiled three times: by nvcc (batched.cu), by NVRTC
// (nvrtc.py), and as plain C++ by a test, which plays every thread on the CPU.
#pragma once

#ifdef __CUDACC__  // nvcc and NVRTC
#define LAUNCHLENS_DEVICE __device__ __forceinline__
#else
#define LAUNCHLENS_DEVICE inline
#endif

namespace launchlens {

using Count = unsigned long long;  // NVRTC has no <cstdint>

struct Copy {
    void* destination;
    const void* source;
    Count bytes;
};

#ifdef __CUDACC__
using Sixteen = uint4;  // a built-in vector type: a struct of our own was moved in two halves
#else
struct alignas(16) Sixteen {
    Count low, high;
};
#endif

// Head and tail byte by byte, the body in between in words, which are aligned on both sides.
//
//     destination   |hh|wwww|wwww|wwww|t|        |: a multiple of sizeof(Word)
template <typename Word>
LAUNCHLENS_DEVICE void copy_in_words(char* destination, const char* source, Count bytes, Count thread, Count threads) {
    Count head = (0 - reinterpret_cast<Count>(destination)) & (sizeof(Word) - 1);
    head = head < bytes ? head : bytes;
    const Count words = (bytes - head) / sizeof(Word), tail = head + words * sizeof(Word);
    for (Count i = thread; i < head; i += threads) destination[i] = source[i];
    Word* to = reinterpret_cast<Word*>(destination + head);
    const Word* from = reinterpret_cast<const Word*>(source + head);
    for (Count i = thread; i < words; i += threads) to[i] = from[i];
    for (Count i = tail + thread; i < bytes; i += threads) destination[i] = source[i];
}

// What thread number `thread` of `threads` has to do. Source and destination must not overlap.
LAUNCHLENS_DEVICE void copy_bytes(void* destination, const void* source, Count bytes, Count thread, Count threads) {
    // words wider than this can't be aligned on both sides at once
    const Count apart = reinterpret_cast<Count>(destination) ^ reinterpret_cast<Count>(source);
    char* to = static_cast<char*>(destination);
    const char* from = static_cast<const char*>(source);
    if (apart % 16 == 0) {
        copy_in_words<Sixteen>(to, from, bytes, thread, threads);
    } else if (apart % 8 == 0) {
        copy_in_words<Count>(to, from, bytes, thread, threads);
    } else if (apart % 4 == 0) {
        copy_in_words<unsigned>(to, from, bytes, thread, threads);
    } else if (apart % 2 == 0) {
        copy_in_words<unsigned short>(to, from, bytes, thread, threads);
    } else {
        copy_in_words<char>(to, from, bytes, thread, threads);
    }
}

}  // namespace launchlens
