//! Tests of the detector against its published reference and against everything that may be wrong with a file.

#[cfg(test)]
mod backbone;
#[cfg(test)]
mod export;
#[cfg(test)]
mod fit;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod loading;
#[cfg(test)]
mod loss;
#[cfg(test)]
mod metadata;
#[cfg(test)]
mod network;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod outputs;
#[cfg(test)]
mod shelves;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tiles;
#[cfg(test)]
mod train_config;
#[cfg(test)]
mod train_data;
