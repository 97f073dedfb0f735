// Many copies in one launch: pointers and lengths travel in the kernel's argument, a struct passed by value.
#include "batched.h"
#include "copy_bytes.cuh"

namespace launchlens {

template <unsigned Room>
struct Copies {
    Copy copies[Room];
};

// Grid (blocks of the longest copy, copies). __grid_constant__: indexed where it lies, not copied to local memory.
template <unsigned Room>
__global__ void copy_batched(const __grid_constant__ Copies<Room> batch) {
    const Copy& one = batch.copies[blockIdx.y];
    copy_bytes(one.destination, one.source, one.bytes, static_cast<Count>(blockIdx.x) * blockDim.x + threadIdx.x,
               static_cast<Count>(gridDim.x) * blockDim.x);
}

template <unsigned Room>
Kernel kernel_with_room() {
    return {reinterpret_cast<const void*>(&copy_batched<Room>), Room};
}

Kernel kernel_for(unsigned copies) {
    if (copies <= 8) return kernel_with_room<8>();
    if (copies <= 32) return kernel_with_room<32>();
    if (copies <= 168) return kernel_with_room<168>();
    return kernel_with_room<kMostCopies>();
}

}  // namespace launchlens
