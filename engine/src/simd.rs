//! One body, compiled for several instruction sets; the best one this processor has is chosen at run time.
//!
//! The project is built for plain x86-64 so that one binary runs everywhere. Plain x86-64 means four lanes and no fused
//! multiply-add; most processors have eight or sixteen and fuse. Intrinsics are not needed: fixed-size arrays of lanes
//! become vector registers once the compiler may use them.

/// `a * b + c`, fused only where the processor does it in hardware: the software fall-back is a hundred times slower.
#[inline(always)]
pub(crate) fn multiply_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Defines a function that calls one `#[inline(always)]` body under three instruction sets. Each line names the const
/// generic arguments of the body for that set.
macro_rules! multiversion {
    (
        $(#[$meta:meta])*
        $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) = $body:ident {
            avx512: <$($a512:literal),*>,
            avx2: <$($a2:literal),*>,
            portable: <$($p:literal),*> $(,)?
        }
    ) => {
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
                fn avx512($($arg: $ty),*) {
                    $body::<$($a512),*>($($arg),*);
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $ty),*) {
                    $body::<$($a2),*>($($arg),*);
                }
                let fma = std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
                let wide = std::arch::is_x86_feature_detected!("avx512f")
                    && std::arch::is_x86_feature_detected!("avx512vl")
                    && std::arch::is_x86_feature_detected!("avx512bw")
                    && std::arch::is_x86_feature_detected!("avx512dq");
                if fma && wide {
                    // SAFETY: every instruction set the function was compiled for was found just above.
                    return unsafe { avx512($($arg),*) };
                }
                if fma {
                    // SAFETY: as above.
                    return unsafe { avx2($($arg),*) };
                }
            }
            $body::<$($p),*>($($arg),*);
        }
    };
}

pub(crate) use multiversion;
