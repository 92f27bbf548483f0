//! Sums of which few are not zero.

/// One sum a product, and which of them were added to.
#[derive(Debug)]
pub(crate) struct Sums {
    sums: Vec<f32>,
    /// Every product whose sum is not zero; one whose sum was zero after it had been added to may stand here twice.
    reached: Vec<u32>,
}

impl Sums {
    /// All zero.
    pub(crate) fn new(products: usize) -> Self {
        Self { sums: vec![0.0; products], reached: Vec::new() }
    }

    /// How many there are.
    pub(crate) fn products(&self) -> usize {
        self.sums.len()
    }

    /// Adds `value`, not below zero, to the sum of `product`.
    pub(crate) fn add(&mut self, product: u32, value: f32) {
        let sum = &mut self.sums[product as usize];
        if *sum == 0.0 {
            self.reached.push(product);
        }
        *sum += value;
    }

    /// Tells `take` of each product whose sum is not zero, once, in the order in which they were reached; afterwards all are
    /// zero again.
    pub(crate) fn drain(&mut self, mut take: impl FnMut(u32, f32)) {
        for product in self.reached.drain(..) {
            let sum = std::mem::take(&mut self.sums[product as usize]);
            if sum != 0.0 {
                take(product, sum);
            }
        }
    }
}
