// Stands in for the header of NVIDIA: device.h has everything.
#pragma once
