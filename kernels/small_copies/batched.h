// What the host needs to launch the batched kernel of batched.cu.
#pragma once

namespace launchlens {

constexpr unsigned kThreads = 256;
constexpr unsigned kMostCopies = 1024;  // 24,576 of the 32,764 bytes of arguments that CUDA 12.1 and later take

// The kernel that takes at least `copies` of them by value, and for how many its argument has room. Arguments are copied
// at every launch, so few copies get a kernel with a small argument. `copies` must be 1 to kMostCopies.
struct Kernel {
    const void* symbol;
    unsigned room;
};
Kernel kernel_for(unsigned copies);

}  // namespace launchlens
